"""The server's certificate: the hospital's own, checked before it is taken, or one from a small internal authority."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime.private_files import write_private
from runtime.settings import Settings, private_folder

ServerKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=397)  # browsers accept no longer one
RENEW_BEFORE = timedelta(days=30)
CLOCK_SLACK = timedelta(hours=1)


class TlsError(Exception):
    """A certificate or key that cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the installed certificate lies; with an internal authority, the file that clients have to trust."""

    certificate: Path
    key: Path
    authority: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateState:
    """What an installed certificate says of itself."""

    names: tuple[str, ...]
    issuer: str
    not_after: datetime
    fingerprint: str


def import_certificate(
    settings: Settings, certificate: Path, key: Path, names: Sequence[str], now: datetime
) -> TlsFiles:
    """Check the hospital's chain and key against each other, the names and the date; then install copies."""
    chain = _read_chain(certificate)
    private = _read_key(key)
    check(chain, private, names, now)
    folder = private_folder(settings.keys_dir / "tls")
    files = TlsFiles(certificate=folder / "server.pem", key=folder / "server.key")
    _write_chain(files.certificate, chain)
    _write_key(files.key, private)
    return files


def make_internal_certificate(settings: Settings, names: Sequence[str], now: datetime) -> TlsFiles:
    """A server certificate from this installation's own authority, which is made once and kept for renewals."""
    if not names:
        raise TlsError("no name was given: name the host or address that browsers open, such as followup.hospital.lan")
    folder = private_folder(settings.keys_dir / "tls")
    files = TlsFiles(certificate=folder / "server.pem", key=folder / "server.key", authority=folder / "authority.pem")
    authority, authority_key = _authority(folder, names, now)
    private = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(authority.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(min(now + CERTIFICATE_LIFE, authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_chain(files.certificate, [certificate, authority])
    _write_key(files.key, private)
    return files


def check(chain: Sequence[x509.Certificate], key: ServerKey, names: Sequence[str], now: datetime) -> None:
    """Refuse what a browser would refuse, or what will fail soon."""
    certificate = chain[0]
    if _public_bytes(certificate.public_key()) != _public_bytes(key.public_key()):
        raise TlsError("the key does not belong to the certificate: give the key that its request was made with")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < 2048:
        raise TlsError(f"the key has {key.key_size} bits, browsers want 2048 or more: ask for a new certificate")
    if now < certificate.not_valid_before_utc:
        raise TlsError(
            f"the certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: wait, or mend "
            "this machine's clock"
        )
    if now >= certificate.not_valid_after_utc:
        raise TlsError(f"the certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}: ask for a new one")
    missing = [name for name in names if not _covers(certificate, name)]
    if missing:
        raise TlsError(
            f"the certificate does not name {', '.join(missing)} but {', '.join(_names(certificate)) or 'nothing'}: "
            "ask for one with these names as subject alternative names, or set SUIFANG_PUBLIC_URL to a name it has"
        )
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError) as error:
            raise TlsError(
                f"the chain is broken: {lower.subject.rfc4514_string()} was not issued by "
                f"{upper.subject.rfc4514_string()} ({error or 'the signature is wrong'}): put the server's certificate "
                "first, then each issuer"
            ) from None


def read_state(certificate: Path) -> CertificateState:
    """What the certificate in this file says."""
    first = _read_chain(certificate)[0]
    return CertificateState(
        names=_names(first),
        issuer=first.issuer.rfc4514_string(),
        not_after=first.not_valid_after_utc,
        fingerprint=first.fingerprint(hashes.SHA256()).hex(":"),
    )


def client_guide(files: TlsFiles, public_url: str) -> str:
    """What the hospital's IT does on the agents' machines, in Chinese and English; only for the internal authority."""
    if files.authority is None:
        return (
            "证书由医院的证书机构签发，坐席电脑无需另装证书。\n"
            "The certificate comes from the hospital's own authority: client machines need nothing more.\n"
        )
    fingerprint = read_state(files.authority).fingerprint
    return _GUIDE.format(authority=files.authority, fingerprint=fingerprint, url=public_url)


_GUIDE = """\
# 坐席电脑安装内部根证书 / Trusting the internal authority on client machines

文件 / file: {authority}
SHA-256: {fingerprint}

安装前请在每台电脑上核对指纹。未安装时浏览器会警告，并且不允许使用麦克风。
Compare the fingerprint on each machine before installing. Without it browsers warn and refuse the microphone.

- Windows（域 / domain）: 组策略 Group Policy → Computer Configuration → Windows Settings → Security Settings →
  Public Key Policies → Trusted Root Certification Authorities → Import.
- Windows（单机 / one machine）: certutil -addstore -f Root authority.pem
- 统信 UOS / 麒麟 Kylin / Debian / Ubuntu:
  cp authority.pem /usr/local/share/ca-certificates/suifang.crt && update-ca-certificates
- RHEL / openEuler: cp authority.pem /etc/pki/ca-trust/source/anchors/suifang.pem && update-ca-trust
- macOS: security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain authority.pem
- Firefox: about:preferences#privacy → Certificates → View Certificates → Authorities → Import.

然后打开 / then open: {url}
根证书只能为上面证书所列的名称签发，不能冒充其他网站。
The authority is limited to the names above: it cannot vouch for any other site.
"""


def _authority(
    folder: Path, names: Sequence[str], now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = folder / "authority.pem", folder / "authority.key"
    if certificate_file.exists():
        authority, key = _read_chain(certificate_file)[0], _read_key(key_file)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TlsError(f"{key_file} is not the key that suifang made: move authority.pem and authority.key away")
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        outside = [name for name in names if _constraint(name) not in constraints]
        if outside:
            raise TlsError(
                f"the internal authority may not vouch for {', '.join(outside)}: move {certificate_file} and its key "
                "away to make a new one, which all client machines then have to trust"
            )
        if authority.not_valid_after_utc - now < RENEW_BEFORE:
            raise TlsError(
                f"the internal authority ends soon: move {certificate_file} and its key away to make a new one"
            )
        return authority, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Suifang internal authority {now:%Y-%m-%d}")])
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        # Whoever steals the authority's key can impersonate this server only, not the hospital's bank.
        .add_extension(
            x509.NameConstraints(permitted_subtrees=[_constraint(name) for name in names], excluded_subtrees=None),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write_chain(certificate_file, [authority])
    return authority, key


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _constraint(name: str) -> x509.GeneralName:
    try:
        address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(ip_network(address))


def _covers(certificate: x509.Certificate, name: str) -> bool:
    for known in _names(certificate):
        if known == name or (known.startswith("*.") and name.partition(".")[2] == known[2:]):
            return True
    return False


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *alternative.get_values_for_type(x509.DNSName),
        *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)),
    )


def _read_chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise TlsError(f"{path} cannot be read ({error.strerror}): name the certificate's file") from None
    except ValueError:
        raise TlsError(
            f"{path} holds no certificate in PEM form: convert it with openssl x509 -out server.pem"
        ) from None


def _read_key(path: Path) -> ServerKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise TlsError(f"{path} cannot be read ({error.strerror}): name the key's file") from None
    except TypeError:
        raise TlsError(
            f"{path} is locked with a password: unlock it with openssl pkey -in KEY -out server.key"
        ) from None
    except ValueError:
        raise TlsError(
            f"{path} holds no private key in PEM form: convert it with openssl pkey -out server.key"
        ) from None
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise TlsError(f"{path} is neither an RSA nor an elliptic-curve key: browsers need one of these")
    return key


def _write_chain(path: Path, chain: Sequence[x509.Certificate]) -> None:
    write_private(path, "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain))


def _write_key(path: Path, key: ServerKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, pem.decode())


def _public_bytes(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
