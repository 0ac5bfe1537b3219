"""Certificates as a client meets them: accepted over a real TLS connection, or refused in words beforehand."""

import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.settings import Settings
from suifang.tls import (
    CERTIFICATE_LIFE,
    TlsError,
    TlsFiles,
    client_guide,
    import_certificate,
    make_internal_certificate,
    read_state,
)
from tests.support.engines import temporary_settings

NOW = datetime.now(UTC)


@pytest.fixture
def settings() -> Iterator[Settings]:
    with temporary_settings() as made:
        yield made


def greet(files: TlsFiles, trusted: Path, name: str) -> str:
    """Connect to a server with these files as a client that trusts `trusted` and expects `name`."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.certificate, files.key)
    client = ssl.create_default_context(cafile=str(trusted))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    with serving.wrap_socket(connection, server_side=True) as secured:
                        secured.sendall(b"hello")
                except ssl.SSLError:
                    return  # the client refused us, which is what its side of the test tells

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                client.wrap_socket(plain, server_hostname=name) as secured,
            ):
                return secured.recv(10).decode()
        finally:
            thread.join()


def hospital_certificate(
    folder: Path, *, name: str = "followup.hospital.example", days: int = 300
) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def test_a_client_that_trusts_the_internal_authority_is_served_by_name_and_by_address(settings: Settings) -> None:
    files = make_internal_certificate(settings, ["followup.hospital.lan", "10.1.2.3"], NOW)
    assert files.authority is not None
    assert greet(files, files.authority, "followup.hospital.lan") == "hello"
    assert greet(files, files.authority, "10.1.2.3") == "hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(files, files.authority, "bank.example")
    for file in (files.key, settings.keys_dir / "tls" / "authority.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_renewal_keeps_the_authority_that_clients_already_trust(settings: Settings) -> None:
    first = make_internal_certificate(settings, ["followup.hospital.lan"], NOW - timedelta(days=380))
    assert first.authority is not None
    trusted = first.authority.read_bytes()
    second = make_internal_certificate(settings, ["followup.hospital.lan"], NOW)
    assert first.authority.read_bytes() == trusted
    assert read_state(second.certificate).not_after > NOW + CERTIFICATE_LIFE - timedelta(days=1)
    assert greet(second, first.authority, "followup.hospital.lan") == "hello"


def test_the_internal_authority_cannot_vouch_for_any_other_name(settings: Settings) -> None:
    make_internal_certificate(settings, ["followup.hospital.lan"], NOW)
    with pytest.raises(TlsError, match=r"may not vouch for bank\.example"):
        make_internal_certificate(settings, ["bank.example"], NOW)


def test_the_guide_names_file_fingerprint_and_address(settings: Settings) -> None:
    files = make_internal_certificate(settings, ["followup.hospital.lan"], NOW)
    assert files.authority is not None
    guide = client_guide(files, "https://followup.hospital.lan")
    assert read_state(files.authority).fingerprint in guide
    assert "https://followup.hospital.lan" in guide
    assert str(files.authority) in guide


def test_the_hospitals_certificate_is_installed_and_served(settings: Settings, tmp_path: Path) -> None:
    certificate, key = hospital_certificate(tmp_path)
    files = import_certificate(settings, certificate, key, ["followup.hospital.example"], NOW)
    assert greet(files, certificate, "followup.hospital.example") == "hello"
    assert "client machines need nothing more" in client_guide(files, "https://followup.hospital.example")


def test_a_certificate_that_browsers_would_refuse_is_refused_before_it_is_installed(
    settings: Settings, tmp_path: Path
) -> None:
    certificate, key = hospital_certificate(tmp_path)
    other, other_key = hospital_certificate(tmp_path, name="other.example")
    ended, ended_key = hospital_certificate(tmp_path, name="ended.example", days=-1)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate.read_bytes() + other.read_bytes())
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    for file, key_file, name, reason in (
        (certificate, other_key, "followup.hospital.example", "does not belong"),
        (other, other_key, "followup.hospital.example", r"does not name followup.*but other\.example"),
        (ended, ended_key, "ended.example", "ended on"),
        (chain, key, "followup.hospital.example", "chain is broken"),
        (key, key, "followup.hospital.example", "no certificate in PEM"),
        (certificate, certificate, "followup.hospital.example", "no private key"),
        (certificate, locked, "followup.hospital.example", "locked with a password"),
        (tmp_path / "missing.pem", key, "followup.hospital.example", "cannot be read"),
    ):
        with pytest.raises(TlsError, match=reason):
            import_certificate(settings, file, key_file, [name], NOW)
    assert not (settings.keys_dir / "tls").exists()
