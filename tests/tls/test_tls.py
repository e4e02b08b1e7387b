"""Settings of TLS, and what is said of files that cannot be used or should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import ValidationError

from otel_llm.errors import ConfigError
from otel_llm.reload import Watched
from otel_llm.tls import ClientTls, ClientTlsConfig, ServerTls, ServerTlsConfig
from tests.certificates import EXPIRED, NOT_YET, Authority, Pair

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

CANARY = "-----BEGIN PRIVATE KEY-----canary"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs."""
    return Authority(tmp_path)


def problems(**settings: Any) -> list[str]:
    """Return what is wrong with a server's files."""
    config = ServerTlsConfig.model_validate({key: str(value) for key, value in settings.items()})
    try:
        ServerTls(config, "r.tls", Watched)
    except ConfigError as error:
        return list(error.problems)
    return []


def client_problems(**settings: Any) -> list[str]:
    """Return what is wrong with a client's files."""
    config = ClientTlsConfig.model_validate({key: str(value) for key, value in settings.items()})
    try:
        ClientTls.load(config, "e.tls")
    except ConfigError as error:
        return list(error.problems)
    return []


def weaknesses(pair: Pair) -> list[str]:
    """Return what is not safe about a server's files."""
    return list(ServerTlsConfig.model_validate(pair.settings).weaknesses())


class TestFiles:
    def test_good_ones_are_taken(self, authority: Authority) -> None:
        """A certificate, its key and the clients' authorities."""
        pair = authority.issue()

        assert [] == problems(**pair.settings, client_ca_file=authority.file)
        assert [] == client_problems(**pair.settings, ca_file=authority.file)

    def test_all_that_are_missing_are_named(self, tmp_path: Path) -> None:
        """Each with its place, in one go."""
        gone = tmp_path / "gone"
        missing = "cannot be read: No such file or directory"

        assert [
            f"r.tls.cert_file: {missing}",
            "r.tls.key_file: cannot be read: Is a directory",
            f"r.tls.client_ca_file: {missing}",
        ] == problems(cert_file=gone, key_file=tmp_path, client_ca_file=gone)
        assert [f"e.tls.ca_file: {missing}"] == client_problems(ca_file=gone)

    def test_what_holds_no_pem_is_named(self, authority: Authority, tmp_path: Path) -> None:
        """Whichever of the files it is."""
        pair, empty = authority.issue(), tmp_path / "empty"
        empty.write_text("nothing")

        assert ["r.tls.cert_file: holds no certificate in PEM"] == problems(cert_file=empty, key_file=pair.key_file)
        assert ["r.tls.key_file: holds no key in PEM that can be used without a password"] == problems(
            cert_file=pair.cert_file, key_file=empty
        )
        assert ["r.tls.client_ca_file: holds no certificate in PEM"] == problems(**pair.settings, client_ca_file=empty)
        assert ["e.tls.ca_file: holds no certificate in PEM"] == client_problems(ca_file=empty)

    def test_a_key_must_be_the_certificates(self, authority: Authority) -> None:
        """The key of another certificate is no use, of this kind or another."""
        first, second = authority.issue(), authority.issue()
        rsa = first.key_file.with_name("rsa.pem")
        rsa.write_bytes(in_pem(generate_rsa_key(65537, 2048)))

        for key in (second.key_file, rsa):
            assert ["r.tls.key_file: is not the key of the certificate in cert_file"] == problems(
                cert_file=first.cert_file, key_file=key
            )

    def test_a_key_with_a_password_is_refused(self, authority: Authority) -> None:
        """Nobody is asked for it on the terminal."""
        pair = authority.issue()
        key = serialization.load_pem_private_key(pair.key_file.read_bytes(), None)
        pair.key_file.write_bytes(in_pem(key, serialization.BestAvailableEncryption(b"password")))

        assert ["r.tls.key_file: holds no key in PEM that can be used without a password"] == problems(**pair.settings)

    @pytest.mark.parametrize("text", [CANARY, f"{CANARY}\0", CANARY * 100])
    def test_a_key_in_place_of_its_path_is_not_shown(self, authority: Authority, text: str) -> None:
        """Whoever puts the key itself into the config finds its place in the message, not the key."""
        (problem,) = problems(cert_file=authority.issue().cert_file, key_file=text)

        assert problem.startswith("r.tls.key_file: ")
        assert "canary" not in problem


class TestWeaknesses:
    def test_there_are_none_by_default(self, authority: Authority) -> None:
        """A key of its owner's alone, and a certificate that is in date."""
        assert [] == weaknesses(authority.issue())

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
    def test_a_key_that_others_may_read(self, authority: Authority, mode: int) -> None:
        """The group counts as others."""
        pair = authority.issue()
        pair.key_file.chmod(mode)

        assert ["key_file: others than its owner may read it"] == weaknesses(pair)

    @pytest.mark.parametrize(("dates", "problem"), [(EXPIRED, "has expired"), (NOT_YET, "is not valid yet")])
    def test_a_certificate_that_is_out_of_date(self, authority: Authority, dates: dict[str, Any], problem: str) -> None:
        """It can be served, and no client will take it."""
        pair = authority.issue(**dates)

        assert [f"cert_file: the certificate {problem}"] == weaknesses(pair)
        assert [] == problems(**pair.settings)

    @pytest.mark.parametrize("use", ["CLIENT_AUTH", "SERVER_AUTH"])
    def test_a_certificate_of_one_purpose(self, tmp_path: Path, use: str) -> None:
        """One that is for clients only is looked at too, as is one for servers."""
        pair = self_signed(tmp_path, getattr(ExtendedKeyUsageOID, use))
        config = ClientTlsConfig.model_validate(pair.settings)

        assert ["cert_file: the certificate has expired"] == list(config.weaknesses())

    def test_a_certificate_that_is_not_verified(self) -> None:
        """Encrypted to whoever is there."""
        config = ClientTlsConfig(insecure_skip_verify=True)

        assert ["insecure_skip_verify: whoever stands in between can read and change what is sent"] == list(
            config.weaknesses()
        )


class TestConfig:
    def test_version_may_be_written_as_a_number(self) -> None:
        """`1.3` without quotes is a number in YAML."""
        raw = {"cert_file": "c", "key_file": "k", "min_version": 1.3}

        assert "1.3" == ServerTlsConfig.model_validate(raw).min_version

    @pytest.mark.parametrize(
        "wrong",
        [
            {"cert_file": "c"},
            {"key_file": "k"},
            {"min_version": "1.1"},
            {"min_version": "1.0"},
            {"server_name_override": ""},
            {"insecure": True, "ca_file": "c"},
            {"insecure": True, "insecure_skip_verify": True},
            {"ca_pem": "x"},
        ],
        ids=str,
    )
    def test_what_cannot_be_meant_is_refused(self, wrong: dict[str, Any]) -> None:
        """Half a pair, an old version, plain text with a certificate."""
        with pytest.raises(ValidationError):
            ClientTlsConfig.model_validate(wrong)


def self_signed(directory: Path, use: x509.ObjectIdentifier) -> Pair:
    """Return an expired certificate for one use."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, EXPIRED["not_before"], EXPIRED["not_after"])
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(directory / "cert.pem", directory / "key.pem")
    pair.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key_file.touch(0o600)
    pair.key_file.write_bytes(in_pem(key))
    return pair


def in_pem(
    key: PrivateKeyTypes,
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption(),  # noqa: B008 - never changed
) -> bytes:
    """Return a key as it stands in a file."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
