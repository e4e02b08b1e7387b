from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.config import strict_yaml
from otel_llm.config.strict_yaml import MAX_CHARACTERS, load
from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(
    autouse=True,
    scope="module",
    params=[
        yaml.SafeLoader,
        pytest.param("CSafeLoader", marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="no libyaml")),
    ],
)
def _parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both parsers that PyYAML may have: the platform decides which it is."""
    loader = getattr(yaml, request.param) if isinstance(request.param, str) else request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_yaml, "_Loader", loader)
        yield


def problems(text: str, **environ: str) -> list[str]:
    """Return what `load` says is wrong with *text*."""
    with pytest.raises(ConfigError) as caught:
        load(text, environ)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("010", 10),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("+.5", 0.5),
        ("-.inf", -math.inf),
        ("'5'", "5"),
        ('"true"', "true"),
        ("! 5", "5"),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("9" * 5000, math.inf),
    ],
)
def test_plain_scalars_are_read_by_the_core_schema_of_yaml_1_2(text: str, expected: Any) -> None:
    """What YAML 1.1 took for booleans, times, dates and octals is not."""
    found = load(f"a: {text}", {}).data["a"]

    assert (type(expected), expected) == (type(found), found)


def test_nan_is_a_number() -> None:
    """`.nan` is the one scalar that does not equal itself."""
    assert math.isnan(load("a: .nan", {}).data["a"])


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "\ufeff"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    """A file without content has no settings, which is not an error of its own."""
    assert load(text, {}).data == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ["config:3: a: duplicate key (first on line 1)"]),
        ("x:\n  a: 1\n  a: 2", ["config:3: x.a: duplicate key (first on line 2)"]),
        ("a: &x 1", ["config:1: a: anchors and aliases are not read: write the value out"]),
        ("a: 1\nb: *x", ["config:2: b: anchors and aliases are not read: write the value out"]),
        ("&x a: 1", ["config:1: a: anchors and aliases are not read: write the value out"]),
        ("a:\n  <<: {b: 1}", ["config:2: a: merge keys are not read: write the entries out"]),
        ("a:\n  1: x", ["config:2: a: a key must be a text: put it in quotes"]),
        ("true: x", ["config:1: a key must be a text: put it in quotes"]),
        ("? [a]\n: x", ["config:1: a key must be a text"]),
        (
            "a: !!python/name:os.system x",
            ["config:1: a: a tag that YAML's core schema does not have, or that does not fit"],
        ),
        ("a: !secret x", ["config:1: a: a tag that YAML's core schema does not have, or that does not fit"]),
        ("a: !!int x", ["config:1: a: a tag that YAML's core schema does not have, or that does not fit"]),
        ("a: !!set {b: }", ["config:1: a: a tag that YAML's core schema does not have, or that does not fit"]),
        ("a: 1\n---\nb: 2", ["config:2: a second document: a file holds one"]),
        ("a: 1\nb: \x00", ["config:2: not YAML: a character that it does not allow"]),
        ("a: \ud800", ["config:1: not YAML: a character that it does not allow"]),
        ("x" * (MAX_CHARACTERS + 1), ["config:1: longer than 1,048,576 characters"]),
        ("${env:A}: 1", ['config:1: "${env:A}": environment variables are not expanded in keys']),
    ],
)
def test_what_surprises_is_refused_with_its_line(text: str, expected: list[str]) -> None:
    """Nothing is resolved silently in favour of one of two meanings."""
    assert expected == problems(text)


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "a:\n\t- b", "'", "{a: 1", "- a\nb: 1", "%FOO\na: 1\n--- x: ["])
def test_what_is_not_yaml_is_refused_with_its_line(text: str) -> None:
    """The parser's problem is passed on with where it was found."""
    (problem,) = problems(text)

    assert problem.startswith("config:")
    assert ": not YAML: " in problem


def test_a_reference_that_lacks_quotes_is_named_as_the_cause() -> None:
    """The parser sees but a brace too many."""
    (problem,) = problems("a: 1\nb: {c: ${env:A}}", A="1")

    assert problem.startswith("config:2: not YAML: ")
    assert problem.endswith(" (inside { } and [ ], ${env:NAME} needs quotes)")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "? [", "[{x: "])
def test_endless_nesting_is_refused(opening: str) -> None:
    """Depth 20,000 costs neither the stack nor the time of reading it all."""
    assert ["config:1: nested deeper than 64 levels"] == problems(opening * 20_000)


def test_nesting_up_to_the_limit_is_read() -> None:
    """64 levels are more than any config has."""
    expected: list[Any] = []
    for _ in range(63):
        expected = [expected]

    assert expected == load("[" * 64 + "]" * 64, {}).data


def test_an_alias_bomb_is_refused_without_being_expanded() -> None:
    """Each alias is reported; none is followed."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))

    assert 10 + 9 * 9 == len(problems(bomb))


def test_problems_come_all_at_once_in_the_order_of_lines() -> None:
    """Whoever fixes one is not sent round for the next."""
    text = "a: ${env:NONE}\nb: *x\nb: 2\nc: {d: !x 1, d: 2}"

    assert ["1", "2", "3", "4", "4"] == [problem.split(":")[1] for problem in problems(text)]


def test_a_path_has_the_line_of_the_nearest_part_that_was_written() -> None:
    """So that an error about a key that is missing points at where it belongs."""
    document = load("a:\n  b:\n    - x\n    - c: 1\n\n      d: 2\n", {})

    assert [1, 1, 2, 4, 6, 4, 2] == [
        document.line(path)
        for path in [(), ("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "d"), ("a", "b", 1, "e", "f"), ("a", "b", 7)]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${env:A}", "1"),
        ("x${env:A}y${env:EMPTY}${env:A}", "x1y1"),
        ("'${env:A}'", "1"),
        ("${env:NONE:-d}", "d"),
        ("'${env:NONE:-}'", ""),
        ("${env:NONE:-http://h:1/$x}", "http://h:1/$x"),
        ("${env:A:-d}", "1"),
        ("'${env:EMPTY:-d}'", ""),
        ("$${env:A}", "${env:A}"),
        ("$$$$", "$$"),
        ("^a$", "^a$"),
        ("$A", "$A"),
        ("${env:HOSTILE}", "x\n- {a: *b} ${env:A} $$"),
        ("[a, '${env:A}']", ["a", "1"]),
    ],
)
def test_environment_variables_are_put_in_as_they_are(text: str, expected: Any) -> None:
    """Their values are texts, whatever they look like: never structure, never expanded again."""
    environ = {"A": "1", "EMPTY": "", "HOSTILE": "x\n- {a: *b} ${env:A} $$"}

    assert expected == load(f"a: {text}", environ).data["a"]


@pytest.mark.parametrize(
    "text", ["${A}", "${file:x}", "${env:1A}", "${env:}", "${env:A", "${env:N:-${env:A}}", "a ${ b"]
)
def test_a_reference_of_another_form_is_refused(text: str) -> None:
    """It was meant to be replaced, so it must not go on as it is."""
    expected = "config:1: a: expected ${env:NAME} or ${env:NAME:-default} (a literal $ is written $$)"

    assert expected in problems(f"a: '{text}'", A="1")


def test_a_variable_that_is_not_set_is_named_with_its_place() -> None:
    """Both of one text, and of every text."""
    assert [
        "config:2: a.b: the environment variable X is not set (a default is written ${env:X:-...})",
        "config:2: a.b: the environment variable Y is not set (a default is written ${env:Y:-...})",
        "config:3: a.c.0: the environment variable X is not set (a default is written ${env:X:-...})",
    ] == problems("a:\n  b: ${env:X}/${env:SET}/${env:Y}\n  c: ['${env:X}']", SET="s3cret")


json_text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"], exclude_characters="\ufeff"))
json_scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_text
)
json_value = st.recursive(
    json_scalar,
    lambda inner: st.lists(inner) | st.dictionaries(json_text.filter(lambda key: "$" not in key), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(json_text.filter(lambda key: "$" not in key), json_value))
def test_json_reads_as_itself(data: dict[str, Any]) -> None:
    """YAML 1.2 is a superset of JSON."""
    text = json.dumps(data, ensure_ascii=False).replace("$", "$$")

    assert data == load(text, {}).data


fragments = st.lists(
    st.sampled_from(
        [*"[]{}:,-?!&*#|>'\"%@` \n\t$a1~", ": ", "- ", "\n  ", "<<", "---\n", "${env:A}", "!!", "&a ", "*a"]
    )
).map("".join)


@settings(deadline=None)
@given(st.text() | fragments)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No input raises anything but `ConfigError`, and what is read is plain data."""
    try:
        data = load(text, {"A": "x"}).data
    except ConfigError:
        return
    assert isinstance(data, dict | list | str | int | float)
