"""A SIP peer over TCP or TLS: one listening socket, the test reads each request and writes each answer itself."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.raw_sip import RawPeer, Received


@dataclass
class StreamPeer(RawPeer):
    """As RawPeer, over the connection that a worker opens."""

    context: ssl.SSLContext | None = None
    connection: socket.socket | None = None
    handshake_error: str = ""
    _rest: bytes = field(default=b"", repr=False)

    def receive(self, method: str, *, timeout: float = 5.0) -> Received:
        """The next message of this method."""
        while True:
            message = self._message(timeout)
            if message.method == method:
                return message
            self.passed_over.append(message)

    def say(self, text: str, to: tuple[str, int]) -> None:  # noqa: ARG002
        """Answer on the connection that is there."""
        assert self.connection is not None
        self.connection.sendall(text.encode())

    def accept(self, *, timeout: float = 5.0) -> bool:
        """Take the worker's connection; False when the handshake fails, the reason then being kept."""
        self.line.settimeout(timeout)
        plain, _ = self.line.accept()
        plain.settimeout(timeout)
        if self.context is None:
            self.connection = plain
            return True
        try:
            self.connection = self.context.wrap_socket(plain, server_side=True)
        except OSError as error:
            self.handshake_error = str(error)
            plain.close()
            return False
        return True

    def _message(self, timeout: float) -> Received:
        if self.connection is None:
            assert self.accept(timeout=timeout), self.handshake_error
        assert self.connection is not None
        self.connection.settimeout(timeout)
        while b"\r\n\r\n" not in self._rest.lstrip(b"\r\n"):
            self._read()
        self._rest = self._rest.lstrip(b"\r\n")
        head, _, body = self._rest.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith((b"content-length:", b"l:"))
        )
        while len(body) < length:
            self._read()
            body = self._rest.partition(b"\r\n\r\n")[2]
        self._rest = body[length:]
        return Received((head + b"\r\n\r\n" + body[:length]).decode(), ("127.0.0.1", 0))

    def _read(self) -> None:
        assert self.connection is not None
        chunk = self.connection.recv(65536)
        if not chunk:
            raise ConnectionError("the worker has closed the connection")
        self._rest += chunk


@contextmanager
def stream_peer(context: ssl.SSLContext | None = None) -> Iterator[StreamPeer]:
    """A peer on a port of its own; with a context it speaks TLS."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        peer = StreamPeer(line, context=context)
        yield peer
        if peer.connection is not None:
            peer.connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority of the test's own."""

    ca_file: Path
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def server(self, address: str) -> ssl.SSLContext:
        """A server's context with a certificate for this address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certify(address))
        return context

    def certify(self, address: str) -> Path:
        """A new certificate for this address, in one file with its key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _certificate(
            address, key, issuer=self.certificate, issuer_key=self.key, names=[x509.IPAddress(ip_address(address))]
        )
        file = self.ca_file.with_name(f"server-{certificate.serial_number}.pem")
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file


def authority(folder: Path, name: str) -> Authority:
    """A new authority; workers believe it by its `ca_file`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _certificate(name, key, issuer=None, issuer_key=key, names=[])
    file = folder / f"{name}.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(ca_file=file, certificate=certificate, key=key)


def _certificate(
    name: str,
    key: rsa.RSAPrivateKey,
    *,
    issuer: x509.Certificate | None,
    issuer_key: rsa.RSAPrivateKey,
    names: list[x509.GeneralName],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    building = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        building = building.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return building.sign(issuer_key, hashes.SHA256())
