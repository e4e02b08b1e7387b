from __future__ import annotations

import pytest
from pydantic import ValidationError

from otel_llm.component import Config, Count, Duration
from otel_llm.units import format_duration


class Settings(Config):
    wait: Duration = 0.0
    many: Count = 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("200ms", 0.2), ("1m30s", 90.0), ("1.5h", 5400.0), ("10us", 1e-5), ("0", 0.0), (0, 0.0), ("0s", 0.0)],
)
def test_durations_are_written_with_their_unit(text: object, seconds: float) -> None:
    """Durations read as in Go and in the Collector."""
    assert seconds == pytest.approx(Settings.model_validate({"wait": text}).wait)


@pytest.mark.parametrize("text", [5, 1.5, True, "5", "5 s", "s", "", "-5s", "1s2", "5sec", None])
def test_a_duration_without_unit_or_sense_is_refused(text: object) -> None:
    """C2: `5` could be seconds or milliseconds, so it is neither."""
    with pytest.raises(ValidationError, match="must be a duration with a unit"):
        Settings.model_validate({"wait": text})


@pytest.mark.parametrize("value", [True, False, 1.0, "x", -1, None])
def test_a_whole_number_is_neither_a_boolean_nor_a_fraction(value: object) -> None:
    """C2: `true` is not 1."""
    with pytest.raises(ValidationError):
        Settings.model_validate({"many": value})


def test_a_number_from_the_environment_is_a_number() -> None:
    """What `${env:N}` gives is text, and counts as what it says."""
    assert 7 == Settings.model_validate({"many": "7"}).many


def test_durations_are_shown_with_their_unit() -> None:
    """What is shown can be written back."""
    assert ["0.2s", "90s"] == [format_duration(0.2), format_duration(90)]
