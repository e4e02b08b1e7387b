from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from otel_llm import semconv
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.digest import Digests, DigestsProvider, PeopleConfig, load_digests
from otel_llm.errors import ConfigError
from otel_llm.store.provider import StoreProvider
from otel_llm.testing import make_request
from otel_llm_processors.gen_ai_normalizer import factory
from tests.processors.gen_ai_normalizer.items import attributes_of, batch_of_record

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a key of the tests"
DIGESTS = Digests(KEY.encode())
KEYED: dict[str, Any] = {"digest": {"key": KEY}}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no key come from outside, and none be left behind."""
    monkeypatch.delenv("OTEL_LLM_DIGEST_KEY", raising=False)
    monkeypatch.setenv("OTEL_LLM_STATE_DIR", str(tmp_path))


def dimensions(
    attributes: dict[str, Any], config: Any = None, settings: Settings | None = None, **request: Any
) -> dict[str, Any]:
    """Return the dimensions that are on a call after the processor, without their prefix."""
    batch = Batch(make_request({**CHAT, **attributes}, **request))
    Chain([("gen_ai_normalizer", factory.build(config, settings))]).run(batch)
    after = attributes_of(Batch(batch.to_bytes()).spans[0])
    return {key.removeprefix("otel_llm."): after[key] for key in after if key in semconv.CONTEXT}


def settings_with(*extensions: Any) -> Settings:
    """Return settings with which these extensions are found."""
    return Settings(
        "gen_ai_normalizer", find=lambda kind: next((each for each in extensions if isinstance(each, kind)), None)
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, {}),
        ({"http.route": "/chat"}, {"route": "/chat"}),
        ({"http.route": "/chat", "otel_llm.route": "bot"}, {"route": "bot"}),
        ({"deployment.environment": "old", "deployment.environment.name": "new"}, {"environment": "new"}),
        ({"gen_ai.prompt.name": "greeting"}, {"prompt": "greeting"}),
        ({"gen_ai.prompt.name": "greeting", "gen_ai.prompt.version": 3}, {"prompt": "greeting@3"}),
        ({"otel_llm.prompt": "greeting@2", "gen_ai.prompt.version": "3"}, {"prompt": "greeting@2"}),
        ({"gen_ai.prompt.version": "3"}, {}),
        ({"user.id": "ada", "enduser.id": "Eve"}, {"user_key": DIGESTS.of("user", "ada")}),
        ({"user.id": "", "enduser.id": 42}, {"user_key": DIGESTS.of("user", "42")}),
        ({"user.id": "ada", "otel_llm.user_key": "k1:aa"}, {"user_key": "k1:aa"}),
        ({"langfuse.user.id": "ada"}, {"user_key": DIGESTS.of("user", "ada")}),
        ({"session.id": "c"}, {"conversation_key": DIGESTS.of("conversation", "c")}),
        (
            {"session.id": "s", "gen_ai.conversation.id": "c"},
            {"conversation_key": DIGESTS.of("conversation", "c")},
        ),
        ({"http.route": True, "user.id": 1.5, "tenant.id": ["acme"], "session.id": None}, {}),
        ({"tenant.id": "x" * 1000}, {"tenant": "x" * 256}),
    ],
)
def test_what_says_whom_a_call_is_for(attributes: dict[str, Any], expected: dict[str, str]) -> None:
    """The first source that names somebody, after the dimension's own name; people as digests."""
    assert expected == dimensions(attributes, KEYED)


def test_a_resource_says_it_for_all_its_calls() -> None:
    """What the span says itself counts more, and an own name on the resource more than any other source."""
    resource = {"service.version": "1.4", "deployment.environment.name": "prod", "otel_llm.route": "bot"}

    assert {"app_version": "1.4", "environment": "eval", "route": "bot"} == dimensions(
        {"deployment.environment.name": "eval", "http.route": "/"}, resource=resource
    )


def test_a_tokens_tenant_comes_before_what_a_span_says() -> None:
    """The intake puts it on the resource."""
    assert {"tenant": "acme"} == dimensions({"tenant.id": "other"}, resource={"otel_llm.tenant": "acme"})


@pytest.mark.parametrize("digest", [{}, KEYED])
def test_users_are_as_they_came_where_that_is_wanted(digest: dict[str, Any]) -> None:
    """With and without a key; conversations are digested where there is one."""
    whom = dimensions({"enduser.id": "ada", "session.id": "c"}, {"dimensions": {"user": "raw"}, **digest})
    kept = {"conversation_key": DIGESTS.of("conversation", "c")} if digest else {}

    assert {"user_key": "ada", **kept} == whom


def test_users_are_the_same_on_spans_and_in_reservations() -> None:
    """What the budgets go by holds for both; another wish here is refused."""
    budgets = DigestsProvider()
    budgets.digests = load_digests(PeopleConfig(key=SecretStr(KEY), user="raw"), "here")

    assert {"user_key": "ada"} == dimensions({"user.id": "ada"}, settings=settings_with(budgets))
    assert {"user_key": "ada"} == dimensions(
        {"user.id": "ada"}, {"dimensions": {"user": "raw"}}, settings_with(budgets)
    )
    budgets.digests = DIGESTS
    with pytest.raises(
        ConfigError, match=r"processors\.gen_ai_normalizer\.dimensions\.user: .* say `digest\.user: raw`"
    ):
        factory.build({"dimensions": {"user": "raw"}}, settings_with(budgets))


OURS = """
dimensions:
  route: [app.feature]
  tenant: [baggage.customer, app.customer]
  prompt: [app.prompt]
  prompt_version: []
  eval_id: [test.run]
  user: [app.account]
  conversation: []
digest: {key: a key of the tests}
"""


def test_the_sources_are_configured() -> None:
    """Those of a dimension replace its defaults; none means that only its own name counts."""
    said = {
        "app.feature": "bot", "http.route": "/", "app.customer": "b", "baggage.customer": "a", "app.prompt": "hello",
        "gen_ai.prompt.version": "2", "test.run": 7, "app.account": "ada", "user.id": "Eve", "session.id": "c",
    }  # fmt: skip

    assert {
        "route": "bot",
        "tenant": "a",
        "prompt": "hello",
        "eval_id": "7",
        "user_key": DIGESTS.of("user", "ada"),
    } == dimensions(said, yaml.safe_load(OURS))


@pytest.mark.parametrize(
    "wrong", [{"dimensions": {"colour": []}}, {"dimensions": {"user": [""]}}, {"digest": {"key": "short"}}]
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    """Refused at start-up."""
    with pytest.raises(ValidationError):
        factory.build(wrong)


def test_without_a_key_people_are_left_to_who_has_it(tmp_path: Path) -> None:
    """A key of an app's own would make a user who is nobody to the gateway behind it."""
    assert {"route": "/"} == dimensions({"user.id": "ada", "session.id": "c", "http.route": "/"})
    assert [] == list(tmp_path.iterdir())


def test_where_the_key_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The budgets' own, or the environment's, or one that is made once where calls are stored."""
    budgets = DigestsProvider()
    budgets.digests = DIGESTS
    user = {"user.id": "ada"}
    made = dimensions(user, settings=settings_with(StoreProvider()))

    assert made == dimensions(user, {"digest": {"key_file": str(tmp_path / "digest.key")}})
    assert {"user_key": DIGESTS.of("user", "ada")} == dimensions(user, settings=settings_with(StoreProvider(), budgets))
    monkeypatch.setenv("OTEL_LLM_DIGEST_KEY", KEY)
    assert {"user_key": DIGESTS.of("user", "ada")} == dimensions(user)
    with pytest.raises(ConfigError, match=r"processors\.gen_ai_normalizer\.digest: must be the key of the extension"):
        factory.build({"digest": {"key": "another key of the tests"}}, settings_with(budgets))


def test_only_gen_ai_items_get_them() -> None:
    """Anything else in the batch leaves as it came; log records with gen_ai content get them too."""
    request = make_request({"user.id": "ada", "http.route": "/"}, resource={"service.version": "1"})
    batch = Batch(request)
    Chain([("gen_ai_normalizer", factory.build(KEYED))]).run(batch)
    records = batch_of_record({"user.id": "ada"}, "gen_ai.client.inference.operation.details")
    Chain([("gen_ai_normalizer", factory.build(KEYED))]).run(records)

    assert request == batch.to_bytes()
    assert DIGESTS.of("user", "ada") == records.records[0].dimensions.user_key


def test_a_second_run_changes_nothing() -> None:
    """Another gateway with another key leaves what the first has resolved."""
    batch = Batch(make_request({**CHAT, "user.id": "ada"}, resource={"service.version": "1"}))
    Chain([("gen_ai_normalizer", factory.build(KEYED))]).run(batch)
    again = Batch(batch.to_bytes())
    Chain([("gen_ai_normalizer", factory.build({"digest": {"key": "another key of the tests"}}))]).run(again)

    assert batch.to_bytes() == again.to_bytes()
    assert DIGESTS.of("user", "ada") == again.spans[0].get(semconv.USER_KEY)
