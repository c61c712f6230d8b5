"""Mail addresses as this product compares them, and the keys made from them."""

import hashlib
import re

# RFC 5321 4.5.3.1: local part 64, domain 255, path 256 with its brackets.
LOCAL_PART_LENGTH_MAX = 64
ADDRESS_LENGTH_MAX = 254

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_KEY_UNSAFE = re.compile(r"[^a-z0-9]+")
KEY_READABLE_LENGTH_MAX = 40
KEY_DIGEST_LENGTH = 10


def normal_address(text: str) -> str:
    """The one spelling under which an address is compared: lower case, no blanks around it."""
    return text.strip().lower()


def address_problem(text: str) -> str | None:
    """Why `text` is no address that both systems accept; None when it is one. Source: RFC 5321 4.1.2."""
    local, at, domain = text.rpartition("@")
    if not at:
        return "has no @"
    if len(text) > ADDRESS_LENGTH_MAX or len(local) > LOCAL_PART_LENGTH_MAX:
        return f"is longer than {ADDRESS_LENGTH_MAX} characters, or {LOCAL_PART_LENGTH_MAX} before the @"
    if not _LOCAL.fullmatch(local):
        return "has characters before the @ that mail systems do not agree on"
    if not _DOMAIN.fullmatch(domain):
        return "has no valid domain after the @"
    return None


def local_part(address: str) -> str:
    """What stands before the @."""
    return address.rpartition("@")[0]


def domain_of(address: str) -> str:
    """What stands after the @."""
    return address.rpartition("@")[2]


def mailbox_key(address: str) -> str:
    """The key of an address in tables and instance ids: letters, digits and `-`, at most 51 characters.

    Readable part plus a digest, because `a.b@c.org` and `a@b.c.org` must not share a key.
    """
    normal = normal_address(address)
    readable = _KEY_UNSAFE.sub("-", normal).strip("-")[:KEY_READABLE_LENGTH_MAX]
    digest = hashlib.sha256(normal.encode()).hexdigest()[:KEY_DIGEST_LENGTH]
    return f"{readable}-{digest}"


def masked(address: str) -> str:
    """An address as a log may show it: first letter and domain."""
    return f"{address[:1]}…@{domain_of(address)}"
