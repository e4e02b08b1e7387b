from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_llm.detection import Rule
from otel_llm.detection.union import union

RULES = st.lists(st.sampled_from("abc"), unique=True).flatmap(
    lambda ids: st.tuples(*(st.builds(rule, st.just(each), st.sampled_from("12")) for each in ids))
)


def rule(rule_id: str, pattern: str) -> Rule:
    """Return a rule; of two with one id and different patterns one redefines the other."""
    return Rule(id=rule_id, description="a rule", pattern=pattern)


def test_rules_that_nobody_redefines_are_as_they_were() -> None:
    """One rule of two processors is looked for once."""
    assert ([rule("a", "1"), rule("b", "1")], [None, None]) == union(
        [[rule("a", "1")], [rule("a", "1"), rule("b", "1")]]
    )


@given(st.lists(RULES, max_size=4))
def test_every_processor_is_told_of_its_own_rules_by_its_own_ids(asked: list[tuple[Rule, ...]]) -> None:
    """Whatever others mean by them: each finds, under each id, what its own definition finds, and nothing else."""
    scanned, own = union(asked)

    assert len(scanned) == len({each.id for each in scanned})
    for rules, names in zip(asked, own, strict=True):
        ids = {each.id for each in rules}
        heard = {(called, each.pattern) for each in scanned if (called := (names or {}).get(each.id, each.id)) in ids}
        assert {(each.id, each.pattern) for each in rules} == heard
