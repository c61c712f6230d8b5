"""Looks for secrets in bytes: as they are, in other encodings, and packed in one another several times over."""

import base64
import re
import sqlite3
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

# A secret in a Base64 of a gzip of a Base64 is three deep; nobody nests deeper by accident.
DEPTH_MAX = 4
# A file that unpacks to more is no log of ours.
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
HEX_RUN = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,}")
# How Exchange's gateway takes a file: every octet as a number.
NUMBERS_RUN = re.compile(rb"\d{1,3}(?:,\s*\d{1,3}){15,}")
PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
GZIP_OR_ZLIB = (
    47  # zlib's wbits: 15 for the largest window, 32 for telling both apart by themselves
)
SQLITE = b"SQLite format 3\x00"
OCTET_MAX = 255


def leaks(content: bytes, secrets: Collection[str], depth: int = 0) -> set[str]:
    """Those of the secrets that stand in the content in any form known here."""
    found = {
        secret
        for secret in secrets
        if any(secret.encode(form) in content for form in ("utf-8", "utf-16-le", "utf-16-be"))
    }
    if depth < DEPTH_MAX:
        for inner in _unpacked(content):
            found |= leaks(inner, secrets, depth + 1)
    return found


def leaks_in_file(path: Path, secrets: Collection[str]) -> set[str]:
    """As `leaks`; of a database also every value by itself, because a long one is scattered over pages."""
    content = path.read_bytes()
    found = leaks(content, secrets)
    if content.startswith(SQLITE):
        for value in _values(path):
            found |= leaks(value, secrets)
    return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    for place in PACKED.finditer(content):
        inflated = _inflated(content[place.start() :])
        if inflated:
            yield inflated
    for run in BASE64_RUN.finditer(content):
        yield from _decoded(run.group())
    for run in HEX_RUN.finditer(content):
        yield bytes.fromhex(run.group().decode())
    for run in NUMBERS_RUN.finditer(content):
        numbers = [int(number) for number in run.group().split(b",")]
        if max(numbers) <= OCTET_MAX:
            yield bytes(numbers)


def _decoded(run: bytes) -> Iterator[bytes]:
    """The run decoded from each of its first four characters: what stands before it may look like Base64, too."""
    plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    for start in range(4):
        shifted = plain[start:]
        # One character left over holds no whole octet.
        usable = shifted[: len(shifted) - (len(shifted) % 4 == 1)]
        yield base64.b64decode(usable + b"=" * (-len(usable) % 4))


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(GZIP_OR_ZLIB).decompress(packed, UNPACKED_BYTES_MAX)
    except zlib.error:
        return b""  # two octets that happened to look like a header


def _values(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()
