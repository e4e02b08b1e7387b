"""Receives OTLP over gRPC and HTTP."""

from __future__ import annotations

from otel_llm.component import ReceiverFactory
from otel_llm.receivers.otlp.config import OtlpReceiverConfig
from otel_llm.receivers.otlp.receiver import OtlpReceiver

__all__ = ["OtlpReceiver", "OtlpReceiverConfig", "factory"]

factory = ReceiverFactory("otlp", OtlpReceiverConfig, OtlpReceiver)
