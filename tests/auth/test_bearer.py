"""Which tokens are good, wherever they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from otel_llm.auth import AuthConfig, BearerTokens, Identity
from otel_llm.errors import ConfigError
from otel_llm.reload import Files, Watched
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "s3cr3t-Canary-0123456789"
TWO = [{"name": "a", "token": CANARY, "tenant": "acme"}, {"name": "b", "token": "other"}]


def tokens(*settings: dict[str, Any]) -> BearerTokens:
    """Return what a config says."""
    return BearerTokens(AuthConfig.model_validate({"tokens": settings}), "r.auth", Watched)


def problems(*settings: dict[str, Any]) -> list[str]:
    """Return why a config's tokens cannot be used."""
    with pytest.raises(ConfigError) as raised:
        tokens(*settings)
    return list(raised.value.problems)


class TestIdentify:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
    def test_a_known_token_says_who_sends(self, scheme: str) -> None:
        """And for which tenant. Schemes have no case (RFC 9110)."""
        known = tokens(*TWO)

        assert Identity("a", "acme") == known.identify([f"{scheme} {CANARY}"])
        assert Identity("b", None) == known.identify([f"{scheme} other"])

    @pytest.mark.parametrize(
        "authorization",
        [
            [],
            [""],
            ["Bearer"],
            ["Bearer "],
            [CANARY],
            [f"Basic {CANARY}"],
            [f"Bearer{CANARY}"],
            [f"Bearer {CANARY[:-1]}"],
            [f"Bearer {CANARY}x"],
            [f"Bearer {CANARY.lower()}"],
            [f"Bearer {CANARY.upper()}"],
            [f"Bearer {CANARY} {CANARY}"],
            [f"Bearer {CANARY}, Bearer {CANARY}"],
            [f"Bearer {CANARY}", f"Bearer {CANARY}"],
            [f"Bearer {CANARY}", "Bearer other"],
            ["Bearer \u00e9\u4e16\U0001f600"],
            ["Bearer \udcff\udcfe"],
            ["Bearer " + "x" * 1_000_000],
            ["Bearer " + CANARY * 50_000],
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_anything_else_says_nothing(self, authorization: list[str]) -> None:
        """S2: nothing, half of a token, another case, bytes that are no text, a megabyte, two at once."""
        assert tokens(*TWO).identify(authorization) is None

    @given(st.lists(st.text(st.characters()), max_size=3))
    def test_no_header_raises(self, authorization: list[str]) -> None:
        """Whatever a client sends is a token that is not known."""
        assert tokens(*TWO).identify(authorization) is None

    def test_all_tokens_are_compared_whichever_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one time: every known token with the one shown, both as digests of one length."""
        compared: list[tuple[int, int]] = []

        def compare(known: bytes, shown: bytes) -> bool:
            compared.append((len(known), len(shown)))
            return known == shown

        monkeypatch.setattr("otel_llm.auth.bearer.compare_digest", compare)
        known = tokens(*TWO, {"name": "c", "token": "third"})
        for shown in ([f"Bearer {CANARY}"], ["Bearer third"], ["Bearer " + "x" * 100_000], []):
            compared.clear()
            known.identify(shown)
            assert [(32, 32)] * 3 == compared


class TestFiles:
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_a_token_may_stand_in_a_file(self, tmp_path: Path, end: str) -> None:
        """With a line break behind it or without."""
        path = tmp_path / "token"
        path.write_bytes((CANARY + end).encode())

        assert Identity("a", None) == tokens({"name": "a", "token_file": str(path)}).identify([f"Bearer {CANARY}"])

    async def test_a_changed_file_changes_what_is_good(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The old token is not good any more, the others stay; a file that cannot be used changes nothing."""
        path, files = tmp_path / "token", Files(Meter())
        path.write_text("old")
        settings = [*TWO, {"name": "c", "token_file": str(path)}]
        known = BearerTokens(AuthConfig.model_validate({"tokens": settings}), "r.auth", files.watch)
        for content in ("new", f"two words {CANARY}", CANARY):
            path.write_text(content)
            await files.poll()
            await files.poll()
            assert Identity("c", None) == known.identify(["Bearer new"])
            assert Identity("a", "acme") == known.identify([f"Bearer {CANARY}"])
            assert known.identify(["Bearer old"]) is None

        assert "r.auth.tokens.2: is the same token as another" in caplog.text
        assert CANARY not in caplog.text

    def test_files_that_cannot_be_read_are_named_by_their_place(self, tmp_path: Path) -> None:
        """All of them, and never by their path: it may be the token itself, put in the wrong place."""
        settings = [{"name": "a", "token_file": CANARY}, {"name": "b", "token_file": str(tmp_path)}]

        assert [
            "r.auth.tokens.0.token_file: cannot be read: No such file or directory",
            "r.auth.tokens.1.token_file: cannot be read: Is a directory",
        ] == problems(*settings)

    @pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", b"a\nb"])
    def test_a_file_must_hold_one_token(self, tmp_path: Path, content: bytes) -> None:
        """Visible ASCII on one line."""
        path = tmp_path / "token"
        path.write_bytes(content)
        expected = "r.auth.tokens.0.token_file: must be visible ASCII without spaces, of one character at least"

        assert [expected] == problems({"name": "a", "token_file": str(path)})


class TestConfig:
    def test_one_token_cannot_be_two_senders(self) -> None:
        """Which of them it is would depend on their order."""
        same = [{"name": "a", "token": CANARY}, {"name": "b", "token": CANARY}]

        assert ["r.auth.tokens.1: is the same token as another"] == problems(*same)

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"tokens": []},
            {"authenticator": "bearertokenauth"},
            {"tokens": [{"name": "a"}]},
            {"tokens": [{"token": CANARY}]},
            {"tokens": [{"name": "a", "token": CANARY, "token_file": "f"}]},
            {"tokens": [{"name": "a", "token": ""}]},
            {"tokens": [{"name": "a", "token": f"{CANARY} "}]},
            {"tokens": [{"name": "a", "token": f"{CANARY}\u00e9"}]},
            {"tokens": [{"name": "a b", "token": CANARY}]},
            {"tokens": [{"name": "a", "token": CANARY, "tenant": ""}]},
            {"tokens": [{"name": "a", "token": CANARY}, {"name": "a", "token": "other"}]},
        ],
        ids=repr,
    )
    def test_what_cannot_work_is_refused(self, wrong: dict[str, Any]) -> None:
        """Nothing is let in by mistake, such as by an environment variable that is empty."""
        with pytest.raises(ValidationError):
            AuthConfig.model_validate(wrong)

    def test_no_token_shows(self) -> None:
        """Neither in a config that is printed, nor in what is made of it."""
        config = AuthConfig.model_validate({"tokens": TWO})
        known = BearerTokens(config, "r.auth", Watched)
        shown = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()} {known!r} {vars(known)}"

        assert CANARY not in shown

    def test_a_file_that_others_may_read_is_a_weakness(self, tmp_path: Path) -> None:
        """As it is with a key."""
        path = tmp_path / "token"
        path.write_text(CANARY)
        config = AuthConfig.model_validate({"tokens": [{"name": "a", "token_file": str(path)}]})
        found = []
        for mode in (0o600, 0o640):
            path.chmod(mode)
            found.append(list(config.tokens[0].weaknesses()))

        assert [[], ["token_file: others than its owner may read it"]] == found
