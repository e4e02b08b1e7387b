"""Attribute names. No other module spells one out.

`GEN_AI_*` are the newest names of the OpenTelemetry GenAI semantic conventions, of which none is stable yet
(open-telemetry/semantic-conventions-genai). They are kept here because the `opentelemetry-semantic-conventions` package
lacks several. The `otel_llm.*` names are ours.
"""

from __future__ import annotations

from typing import Final

# --- gen_ai: what the call was -------------------------------------------------------------------------------------
GEN_AI_PREFIX: Final = "gen_ai."
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_OPERATION_DETAILS: Final = "gen_ai.client.inference.operation.details"
"""The event that carries the content, on the span or as a log record."""
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_PROMPT_NAME: Final = "gen_ai.prompt.name"
GEN_AI_PROMPT_VERSION: Final = "gen_ai.prompt.version"

# --- gen_ai: request and response ----------------------------------------------------------------------------------
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_REQUEST_TOP_K: Final = "gen_ai.request.top_k"
GEN_AI_REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
GEN_AI_REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_REQUEST_TOP_P: Final = "gen_ai.request.top_p"
GEN_AI_REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
GEN_AI_REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
GEN_AI_REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
GEN_AI_RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
GEN_AI_RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"

# --- gen_ai: usage. Input includes what was cached, output includes reasoning --------------------------------------
GEN_AI_USAGE_PREFIX: Final = "gen_ai.usage."
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"  # of v1.38
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"
GEN_AI_USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
GEN_AI_USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"
GEN_AI_USAGE_VIDEO_INPUT_TOKENS: Final = "gen_ai.usage.video.input_tokens"
GEN_AI_USAGE_VIDEO_OUTPUT_TOKENS: Final = "gen_ai.usage.video.output_tokens"
GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: Final = "gen_ai.usage.details.cache_write_1h_tokens"

# --- gen_ai: content -----------------------------------------------------------------------------------------------
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"

# --- cost as others report and read it -----------------------------------------------------------------------------
GEN_AI_USAGE_COST: Final = "gen_ai.usage.cost"
GEN_AI_USAGE_COST_USD: Final = "gen_ai.usage.cost_usd"
GEN_AI_USAGE_TOTAL_COST: Final = "gen_ai.usage.total_cost"
GEN_AI_USAGE_INPUT_COST: Final = "gen_ai.usage.input_cost"
GEN_AI_USAGE_OUTPUT_COST: Final = "gen_ai.usage.output_cost"
GEN_AI_COST_TOTAL_TOKENS: Final = "gen_ai.cost.total_tokens"  # USD, whatever the name says
GEN_AI_COST_INPUT_TOKENS: Final = "gen_ai.cost.input_tokens"
GEN_AI_COST_OUTPUT_TOKENS: Final = "gen_ai.cost.output_tokens"
GEN_AI_COST_TOTAL_COST: Final = "gen_ai.cost.total_cost"
OPENCODE_COST_TOTAL: Final = "opencode.llm.cost.total"
OPERATION_COST: Final = "operation.cost"
LLM_COST_TOTAL: Final = "llm.cost.total"
LITELLM_CACHE_HIT: Final = "litellm.cache_hit"
LITELLM_COST_TOTAL: Final = "litellm.cost.total"

# --- general names used beside gen_ai ------------------------------------------------------------------------------
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
HTTP_ROUTE: Final = "http.route"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"

# --- ours ----------------------------------------------------------------------------------------------------------
OTEL_LLM_PREFIX: Final = "otel_llm."
DIALECT: Final = "otel_llm.dialect"
PROCESSOR_ERRORS: Final = "otel_llm.processor.errors"
RETENTION: Final = "otel_llm.retention"

COST_STATUS: Final = "otel_llm.cost.status"
COST_TOTAL_USD: Final = "otel_llm.cost.total_usd"
COST_INPUT_USD: Final = "otel_llm.cost.input_usd"
COST_OUTPUT_USD: Final = "otel_llm.cost.output_usd"
COST_CACHE_READ_USD: Final = "otel_llm.cost.cache_read_usd"
COST_CACHE_WRITE_USD: Final = "otel_llm.cost.cache_write_usd"
COST_REQUEST_USD: Final = "otel_llm.cost.request_usd"
COST_SOURCE: Final = "otel_llm.cost.source"
COST_PRICE_VERSION: Final = "otel_llm.cost.price_version"
COST_UNPRICED_REASON: Final = "otel_llm.cost.unpriced_reason"
COST_REPORTED_USD: Final = "otel_llm.cost.reported_usd"

REDACTION_COUNT: Final = "otel_llm.redaction.count"
REDACTION_RULES: Final = "otel_llm.redaction.rules"
REDACTION_STATUS: Final = "otel_llm.redaction.status"

BUDGET_IDS: Final = "otel_llm.budget.ids"
BUDGET_STATE: Final = "otel_llm.budget.state"
BUDGET_UTILIZATION: Final = "otel_llm.budget.utilization"

GUARDRAIL_VERDICT: Final = "otel_llm.guardrail.verdict"
GUARDRAIL_FINDINGS: Final = "otel_llm.guardrail.findings"
GUARDRAIL_SCORE: Final = "otel_llm.guardrail.score"
GUARDRAIL_FINDING: Final = "otel_llm.guardrail.finding"
"""The event that tells of one finding; what follows stands on it alone."""
GUARDRAIL_RULE: Final = "otel_llm.guardrail.rule"
GUARDRAIL_TARGET: Final = "otel_llm.guardrail.target"
GUARDRAIL_PART: Final = "otel_llm.guardrail.part"
GUARDRAIL_SEVERITY: Final = "otel_llm.guardrail.severity"
GUARDRAIL_CONTENT_HASH: Final = "otel_llm.guardrail.content_hash"

# --- ours: whom a call is for. The only ones that a sender may set by default --------------------------------------
ROUTE: Final = "otel_llm.route"
TENANT: Final = "otel_llm.tenant"
ENVIRONMENT: Final = "otel_llm.environment"
PROMPT: Final = "otel_llm.prompt"
APP_VERSION: Final = "otel_llm.app_version"
EVAL_ID: Final = "otel_llm.eval_id"
USER_KEY: Final = "otel_llm.user_key"
CONVERSATION_KEY: Final = "otel_llm.conversation_key"
RESERVATION_ID: Final = "otel_llm.reservation_id"

CONTEXT: Final = frozenset(
    {ROUTE, TENANT, ENVIRONMENT, PROMPT, APP_VERSION, EVAL_ID, USER_KEY, CONVERSATION_KEY, RESERVATION_ID}
)
"""What `trust: context` lets a sender set."""

NAMES: Final = frozenset(value for name, value in globals().items() if name.isupper() and isinstance(value, str))
"""Every name above."""
