"""A certificate for public names, signed by an authority that lives as long as a test."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.local_host.clock import real_now_utc

VALIDITY = timedelta(days=1)
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Certificate:
    """Files: the authority's certificate, the server's, and the server's key."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def certificate_for(folder: Path, names: list[str], age: timedelta = timedelta(0)) -> Certificate:
    """Write them into `folder`, good for these names and for 127.0.0.1; the server's is older by `age`."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = _name("test authority"), _name("small azure")
    ca = _begun(ca_name, ca_name, ca_key).add_extension(
        x509.BasicConstraints(True, 0), critical=True
    )
    alternatives = [x509.DNSName(each) for each in names]
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = _begun(name, ca_name, key, age).add_extension(
        x509.SubjectAlternativeName([*alternatives, address]), critical=False
    )
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(PEM))
    made.cert_file.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(PEM))
    made.key_file.touch(mode=0o600)
    kind, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made.key_file.write_bytes(key.private_bytes(PEM, kind, clear))
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    age: timedelta = timedelta(0),
) -> x509.CertificateBuilder:
    now_utc: datetime = real_now_utc().astimezone(UTC) - age
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number()
    )
    return builder.not_valid_before(now_utc - VALIDITY).not_valid_after(now_utc + VALIDITY)
