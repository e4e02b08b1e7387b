from __future__ import annotations

import pytest

from otel_llm.errors import (
    STATUS,
    ConfigError,
    Forbidden,
    NotServed,
    OtelLlmError,
    Permanent,
    Refused,
    Retryable,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
    status_of,
)
from otel_llm.request import RETRY_AFTER_S, Answer


@pytest.mark.parametrize(
    ("error", "grpc", "http"),
    [
        (Refused("x"), 3, 400),
        (TooLarge("x"), 8, 413),
        (UnsupportedMedia("x"), 3, 415),
        (NotServed("x"), 12, 404),
        (Unauthenticated("x"), 16, 401),
        (Forbidden("x"), 7, 403),
        (Retryable("x"), 14, 503),
        (Permanent("x"), 14, 503),
    ],
)
def test_every_error_has_the_status_that_tells_a_sender_what_to_do(error: OtelLlmError, grpc: int, http: int) -> None:
    """The table is OTLP's; what is not in it is our trouble, not the sender's: try again."""
    assert (grpc, http) == tuple(status_of(error))


def test_a_subclass_is_answered_like_its_nearest_ancestor_in_the_table() -> None:
    """A component may refine an error without touching the table."""

    class TooManySpans(TooLarge):
        pass

    assert STATUS[TooLarge] == status_of(TooManySpans("x"))


def test_only_what_may_be_tried_again_names_a_time() -> None:
    """A refusal without a time is final for OTLP clients."""
    assert RETRY_AFTER_S == Answer.of(Retryable("x")).retry_after_s
    assert 0.5 == Answer.of(Retryable("x", after_s=0.5)).retry_after_s
    assert Answer.of(TooLarge("x")).retry_after_s is None


def test_a_config_error_holds_every_problem() -> None:
    """Whoever mends a config sees all of what is wrong at once."""
    error = ConfigError("first", "second")

    assert ("first", "second") == error.problems
    assert "first\nsecond" == str(error)
