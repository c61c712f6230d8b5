"""SPF as the operator must see it: what a receiver decides, and which record would be right. Source: RFC 7208."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_VERSION = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_ALL = re.compile(r"[-+~?]?all", re.IGNORECASE)
_INCLUDE = re.compile(r"\+?include:(?P<domain>[^\s%]+)", re.IGNORECASE)
_NETWORK = re.compile(r"\+?ip[46]:(?P<network>[0-9A-Fa-f.:/]+)", re.IGNORECASE)
_REDIRECT = re.compile(r"redirect=", re.IGNORECASE)
# An address that belongs to nobody: what SPF says of it is what it says of strangers. Source: RFC 5737.
STRANGER = "192.0.2.1"
# RFC 7208 4.6.4: a receiver gives up at more than ten questions.
LOOK_UP_COUNT_MAX = 10


class SpfResult(StrEnum):
    """Results of `check_host()`. Source: RFC 7208 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  a result, not a secret
    FAIL = "fail"
    SOFT_FAIL = "softfail"
    TEMPORARY = "temperror"
    PERMANENT = "permerror"


@dataclass(frozen=True)
class SpfVerdict:
    """What a receiver decides."""

    result: SpfResult
    look_up_count: int
    """Questions counted against the ten; one more than ten when it gave up."""
    why: str = ""
    """Of the two errors, as the evaluator says it."""

    @property
    def has_too_many_look_ups(self) -> bool:
        """Whether the receiver gave up counting."""
        return self.result is SpfResult.PERMANENT and self.look_up_count > LOOK_UP_COUNT_MAX


def spf_records(texts: Iterable[str]) -> tuple[str, ...]:
    """Those texts of a domain that are SPF records. Source: RFC 7208 4.5."""
    return tuple(text for text in texts if _VERSION.match(text))


def includes(record: str) -> tuple[str, ...]:
    """The domains that a record includes, as far as no macro stands in them."""
    return tuple(
        found["domain"].lower().rstrip(".")
        for term in record.split()
        if (found := _INCLUDE.fullmatch(term))
    )


def first_network_address(record: str) -> str:
    """An address that the record itself allows by `ip4:` or `ip6:`; empty when it names none."""
    for term in record.split():
        found = _NETWORK.fullmatch(term)
        if found is None:
            continue
        try:
            return str(ipaddress.ip_network(found["network"], strict=False)[0])
        except ValueError:
            continue  # a receiver makes a permanent error of it, and that is told where it is evaluated
    return ""


def with_tenant(today: str, tenant: str, senders: Iterable[str]) -> str:
    """Today's record with what is missing of the tenant's terms and of the senders, its other terms as they are.

    Without a record of today the tenant's own is the beginning.
    """
    terms = (today or tenant).split()[1:]
    missing = [term for term in _named(tenant) if term not in terms]
    allowed = [_allowing(sender) for sender in senders]
    missing += [term for term in allowed if term not in terms]
    end = [term for term in terms if _ALL.fullmatch(term) or _REDIRECT.match(term)]
    others = [term for term in terms if term not in end]
    return " ".join(["v=spf1", *others, *missing, *end])


def without_senders(today: str, senders: Iterable[str]) -> str:
    """Today's record without the terms that name just these senders; what allows them otherwise stays to be seen."""
    gone = {_allowing(sender) for sender in senders} | {f"+{_allowing(each)}" for each in senders}
    return " ".join(term for term in today.split() if term.lower() not in gone)


def _named(record: str) -> list[str]:
    return [term for term in record.split()[1:] if not _ALL.fullmatch(term)]


def _allowing(sender: str) -> str:
    return f"ip{ipaddress.ip_address(sender).version}:{sender.lower()}"
