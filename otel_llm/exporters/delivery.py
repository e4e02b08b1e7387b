"""Settings of every exporter whose destination is away from this machine: how the host delivers to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from otel_llm.component import Config, Count, Duration
from otel_llm.retry import RetryPolicy

__all__ = ["DeliveryConfig", "SendingQueue", "SendingQueueBatch"]

PositiveCount = Annotated[Count, Field(ge=1)]


class SendingQueueBatch(Config):
    """How requests that wait are merged into one."""

    flush_timeout: Duration = 0.02
    """How long the first request waits for others to join it. `0`: only what waits already is merged."""

    max_size: PositiveCount = 1024 * 1024
    """Bytes of a merged request at most, before compression. A single request that is larger goes alone."""


class SendingQueue(Config):
    """How what waits for one destination is read and sent. Where it waits is `extensions.storage`."""

    enabled: Literal[True] = True
    """Accepted from Collector configs; there is no delivery without waiting."""

    num_consumers: PositiveCount = 4
    """Requests under way to this destination at once."""

    when_full: Literal["refuse", "drop_oldest"] = "refuse"
    """What happens when no more may wait and this destination lags behind: senders are told to come back, or it loses
    the oldest that wait for it, which are counted (`exporter_dropped_*`, reason `queue_full`)."""

    storage: str | None = None
    """Accepted from Collector configs and not used: everything waits in `extensions.storage`."""

    batch: SendingQueueBatch = SendingQueueBatch()
    """Merging of small requests."""


class DeliveryConfig(Config):
    """What the host reads of an exporter's config. Keys of the Collector's exporter helper."""

    timeout: Annotated[Duration, Field(gt=0)] = 5.0
    """Longest time for one attempt. After it the request is tried again."""

    sending_queue: SendingQueue = SendingQueue()
    """Reading and merging of what waits."""

    retry_on_failure: RetryPolicy = RetryPolicy()
    """What happens to a request that was not taken but may be later."""
