from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import markers
from otel_llm_processors.gen_ai_normalizer import factory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection.engines import EngineName

MARKERS = factory.build().markers
PIECES = st.one_of(st.binary(max_size=20), st.sampled_from(MARKERS), st.sampled_from([m[:-1] for m in MARKERS]))


@pytest.mark.parametrize("engine", ["hyperscan", "re2", "re"])
@given(pieces=st.lists(PIECES, max_size=8), gap=st.sampled_from([0, 20_000]))
def test_markers_are_found_wherever_they_stand(engine: EngineName, pieces: Sequence[bytes], gap: int) -> None:
    """Whatever is installed finds what a plain search finds."""
    raw = bytes(gap).join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markers, "installed", lambda: engine)
        found = markers.finder(MARKERS)(raw)

    assert any(marker in raw for marker in MARKERS) == found


def test_markers_that_are_no_text_are_found() -> None:
    """A third party may look for any bytes."""
    is_in = markers.finder([b"\xff\x00", b"."])

    assert (True, True, False) == (is_in(b"a\xff\x00"), is_in(b"a."), is_in(b"ab\xff"))
