"""A certificate authority of one's own, for TLS on loopback that clients verify as they would anywhere.

Keys live as long as the process; on disk stands only the authority's certificate.
"""

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A rehearsal lasts hours; a year and a margin for clocks that go wrong cost nothing.
VALIDITY = timedelta(days=397)
CLOCK_MARGIN = timedelta(days=1)

# Certificates are judged by the machine's own time, never by the world's: the reader is a real TLS library.
LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True)
class PrivateCa:
    """One authority and the server certificate it signed for loopback."""

    ca_file: Path
    context: ssl.SSLContext = field(repr=False)


def private_ca(ca_file: Path, now_utc: datetime) -> PrivateCa:
    """Make an authority, write its certificate to `ca_file`, and answer a TLS context for 127.0.0.1 and localhost."""
    return PrivateCa(ca_file, _context(server_pem(ca_file, now_utc)))


def server_pem(ca_file: Path, now_utc: datetime) -> bytes:
    """Make an authority, write its certificate to `ca_file`, and answer a server's certificate and key for loopback."""
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name("Bascule sandbox authority")
    ca = _certificate(issuer, issuer, ca_key.public_key(), now_utc)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(signs_certificates=True), critical=True)
    ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    leaf = _certificate(_name("localhost"), issuer, server_key.public_key(), now_utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(LOOPBACK)])
    leaf = leaf.add_extension(names, critical=False)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )
    issuer_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    leaf = leaf.add_extension(issuer_key_id, critical=False)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    certificate = leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem)
    return certificate + server_key.private_bytes(pem, pkcs8, serialization.NoEncryption())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now_utc: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now_utc - CLOCK_MARGIN).not_valid_after(now_utc + VALIDITY)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _context(certificate_and_key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python's ssl reads keys only from files; this one is gone again at once.
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "server.pem"
        both.touch(mode=0o600)
        both.write_bytes(certificate_and_key)
        context.load_cert_chain(both)
    return context
