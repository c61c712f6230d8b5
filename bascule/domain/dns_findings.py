"""What is wrong with a domain in public DNS, found by comparing what servers show with what the tenant asks for.

Every kind has its explanation in docs/how-to/dns-findings.md. Source: RFC 1034 3.6.2, RFC 2181, RFC 5321 5.1, RFC 7208.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bascule.domain.dns_look import DomainLook, Sender, questions_beside, wanted_value
from bascule.domain.dns_records import Answer, DnsKind, NameServer
from bascule.domain.spf import SpfResult, SpfVerdict, spf_records
from bascule.domain.tenant_domains import DomainRecord

# A stranger's record may have 64 000 characters; the first of them say what is wrong.
QUOTED_LENGTH_MAX = 200


class FindingKind(StrEnum):
    """What can be wrong; stable, because the explanations are found by it."""

    NOTHING_ASKED = "nothing_asked"
    SERVER_SILENT = "server_silent"
    SERVER_FAILED = "server_failed"
    RECORD_MISSING = "record_missing"
    RECORD_NOT_EVERYWHERE = "record_not_everywhere"
    RECORD_DIFFERENT = "record_different"
    ALIAS_IN_PLACE = "alias_in_place"
    ALIAS_OBSTRUCTED = "alias_obstructed"
    AUTODISCOVER_MISSING = "autodiscover_missing"
    MX_PRIORITY = "mx_priority"
    MX_LEFTOVER = "mx_leftover"
    SPF_MISSING = "spf_missing"
    SPF_TWO = "spf_two"
    SPF_TOO_MANY_LOOK_UPS = "spf_too_many_look_ups"
    SPF_INVALID = "spf_invalid"
    SPF_UNDECIDED = "spf_undecided"
    SPF_WITHOUT_SOURCE = "spf_without_source"
    SPF_WITHOUT_TENANT = "spf_without_tenant"
    SPF_WITH_SOURCE = "spf_with_source"
    TTL_HIGH = "ttl_high"


class SpfAim(StrEnum):
    """Whom SPF must let send."""

    BOTH = "both"
    TENANT_ALONE = "tenant_alone"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where it was seen."""

    kind: FindingKind
    name: str
    detail: str
    servers: tuple[str, ...] = ()
    is_blocking: bool = True
    """Whether the completion waits until it is gone."""


@dataclass(frozen=True)
class _Slip:
    """A finding of one server, before it is put together with the others'."""

    kind: FindingKind
    name: str
    detail: str
    is_blocking: bool = True


# What is worded differently when only some servers are behind.
_LATE = frozenset({FindingKind.RECORD_MISSING, FindingKind.AUTODISCOVER_MISSING})
_SENDER_KINDS = {
    Sender.SOURCE: FindingKind.SPF_WITHOUT_SOURCE,
    Sender.TENANT: FindingKind.SPF_WITHOUT_TENANT,
}


def findings(look: DomainLook, aim: SpfAim) -> tuple[Finding, ...]:
    """Everything that differs from what the tenant asks for; nothing: every server shows every record."""
    if not look.wanted:
        what = "the directory asks for no record: it does not use the domain for mail"
        return (Finding(FindingKind.NOTHING_ASKED, look.domain, what),)
    seen: dict[_Slip, list[NameServer]] = {}
    for answer in look.answers:
        for slip in _slips(look, answer, aim):
            servers = seen.setdefault(slip, [])
            if answer.server not in servers:
                servers.append(answer.server)
    return tuple(_finding(look, slip, servers) for slip, servers in seen.items())


def high_ttls(look: DomainLook, ttl_s_max: int) -> tuple[Finding, ...]:
    """The authoritative records that have to change and would be remembered for too long."""
    ttls = {
        (answer.name, answer.kind): max(_ttl_s(other) for other in _authoritative(look, answer))
        for answer in look.answers
        if answer.server.is_authority and _changes(look, answer)
    }
    return tuple(
        Finding(
            FindingKind.TTL_HIGH,
            name,
            f"{kind} may be remembered for {ttl_s} s; lower its TTL to at most {ttl_s_max} s",
        )
        for (name, kind), ttl_s in ttls.items()
        if ttl_s > ttl_s_max
    )


def longest_ttl_s(look: DomainLook) -> int:
    """For how long somebody may still remember what the authoritative servers show and what has to change."""
    return max(
        (
            _ttl_s(each)
            for each in look.answers
            if each.server.is_authority and _changes(look, each)
        ),
        default=0,
    )


def is_unknown(look: DomainLook) -> bool:
    """Whether some authoritative server did not say what it has, so that nothing can be concluded."""
    authorities = [each for each in look.answers if each.server.is_authority]
    return not authorities or any(not each.is_known for each in authorities)


def _authoritative(look: DomainLook, like: Answer) -> list[Answer]:
    return [each for each in look.answers_to(like.name, like.kind) if each.server.is_authority]


def _changes(look: DomainLook, answer: Answer) -> bool:
    """Whether what a server shows is anything that will be replaced."""
    if not (answer.records or answer.alias):
        return False
    return any(slip.is_blocking for slip in _slips(look, answer, SpfAim.BOTH))


def _ttl_s(answer: Answer) -> int:
    return max([answer.alias_ttl_s, *(record.ttl_s for record in answer.records)])


def _finding(look: DomainLook, slip: _Slip, servers: list[NameServer]) -> Finding:
    kind = slip.kind
    if kind in _LATE and len(servers) < len(look.servers):
        kind = FindingKind.RECORD_NOT_EVERYWHERE
    names = tuple(server.name for server in servers)
    return Finding(kind, slip.name, slip.detail, names, slip.is_blocking)


def _slips(look: DomainLook, answer: Answer, aim: SpfAim) -> Iterator[_Slip]:
    if not answer.is_known:
        silent = not answer.server.address or answer.outcome == "silent"
        kind = FindingKind.SERVER_SILENT if silent else FindingKind.SERVER_FAILED
        yield _Slip(kind, look.domain, f"the server's answer was: {answer.outcome}")
        return
    for name, wanted_kind, wanted in look.wanted_sets():
        if (name, wanted_kind) == (answer.name, answer.kind):
            yield from _set_slips(look, answer, wanted, aim)
        elif (answer.name, answer.kind) in questions_beside(look.wanted, name, wanted_kind):
            yield from _beside_slips(answer, wanted)


def _set_slips(
    look: DomainLook, answer: Answer, wanted: tuple[DomainRecord, ...], aim: SpfAim
) -> Iterator[_Slip]:
    if answer.alias:
        what = f"is an alias of {answer.alias}, so it can have no {answer.kind} of its own"
        yield _Slip(FindingKind.ALIAS_IN_PLACE, answer.name, what)
    elif answer.kind is DnsKind.MX:
        yield from _mx_slips(answer, wanted)
    elif answer.kind is DnsKind.TXT:
        yield from _text_slips(look, answer, wanted, aim)
    else:
        yield from _other_slips(answer, wanted)


def _mx_slips(answer: Answer, wanted: tuple[DomainRecord, ...]) -> Iterator[_Slip]:
    found = {_target(value): _preference(value) for value in answer.values}
    preferences = {record.value: record.preference for record in wanted}
    others = sorted(value for value in answer.values if _target(value) not in preferences)
    for target, preference in preferences.items():
        if target not in found:
            yield _Slip(FindingKind.RECORD_MISSING, answer.name, f"MX {preference} {target}")
        elif found[target] != preference:
            what = (
                f"MX {target} has the preference {found[target]}, the tenant asks for {preference}"
            )
            # Alone, any preference means the same; beside others it decides who gets the mail.
            yield _Slip(FindingKind.MX_PRIORITY, answer.name, what, is_blocking=bool(others))
    for value in others:
        yield _Slip(FindingKind.MX_LEFTOVER, answer.name, f"MX {value} stands beside the tenant's")


def _target(value: str) -> str:
    return value.partition(" ")[2]


def _preference(value: str) -> int:
    return int(value.partition(" ")[0])


def _other_slips(answer: Answer, wanted: tuple[DomainRecord, ...]) -> Iterator[_Slip]:
    for record in wanted:
        value = wanted_value(record)
        if value in answer.values:
            continue
        shown = f"{answer.kind} {value}"
        if answer.records:
            kind, what = (
                FindingKind.RECORD_DIFFERENT,
                f"is {', '.join(answer.values)}, must be {shown}",
            )
        else:
            kind, what = _missing_kind(record), shown
        yield _Slip(kind, answer.name, what, is_blocking=not record.is_optional)


def _beside_slips(answer: Answer, wanted: tuple[DomainRecord, ...]) -> Iterator[_Slip]:
    """What stands where a CNAME must stand alone."""
    if answer.records and not answer.alias:
        there = _quotable(", ".join(answer.values))
        what = f"{answer.kind} {there} stands where CNAME {wanted[0].value} must stand alone"
        yield _Slip(
            FindingKind.ALIAS_OBSTRUCTED, answer.name, what, is_blocking=not wanted[0].is_optional
        )


def _missing_kind(record: DomainRecord) -> FindingKind:
    is_autodiscover = record.name.startswith("autodiscover.")
    return FindingKind.AUTODISCOVER_MISSING if is_autodiscover else FindingKind.RECORD_MISSING


def _text_slips(
    look: DomainLook, answer: Answer, wanted: tuple[DomainRecord, ...], aim: SpfAim
) -> Iterator[_Slip]:
    policies = spf_records(record.value for record in wanted)
    for record in wanted:
        if record.value not in policies and record.value not in answer.values:
            yield _Slip(FindingKind.RECORD_MISSING, answer.name, f"TXT {record.value}")
    if policies:
        yield from _spf_slips(look, answer, aim)


def _spf_slips(look: DomainLook, answer: Answer, aim: SpfAim) -> Iterator[_Slip]:
    shown = spf_records(answer.values)
    if not shown:
        yield _Slip(FindingKind.SPF_MISSING, answer.name, "no TXT record begins with v=spf1")
    elif len(shown) > 1:
        what = f"{len(shown)} TXT records begin with v=spf1: receivers accept none of them"
        yield _Slip(FindingKind.SPF_TWO, answer.name, what)
    else:
        yield from _policy_slips(look, answer.name, shown[0], aim)


def _policy_slips(look: DomainLook, name: str, record: str, aim: SpfAim) -> Iterator[_Slip]:
    judged = [each for each in look.verdicts if each.record == record]
    errors = dict.fromkeys(filter(None, (_error(name, each.verdict) for each in judged)))
    if errors:
        yield from errors
        return
    if not any(each.sender is Sender.TENANT for each in judged):
        what = "it is not known from which addresses the tenant sends"
        yield _Slip(FindingKind.SPF_UNDECIDED, name, what)
    for each in judged:
        may_send = each.verdict.result is SpfResult.PASS
        who = f"the {each.sender}'s {each.address}"
        if each.sender is Sender.SOURCE and aim is SpfAim.TENANT_ALONE:
            if may_send:
                yield _Slip(FindingKind.SPF_WITH_SOURCE, name, f"still lets {who} send")
        elif each.sender in _SENDER_KINDS and not may_send:
            what = f"makes {each.verdict.result} of mail from {who}"
            yield _Slip(_SENDER_KINDS[each.sender], name, what)


def _error(name: str, verdict: SpfVerdict) -> _Slip | None:
    if verdict.has_too_many_look_ups:
        what = "receivers stop at ten look-ups and then accept nobody"
        return _Slip(FindingKind.SPF_TOO_MANY_LOOK_UPS, name, what)
    if verdict.result is SpfResult.PERMANENT:
        return _Slip(FindingKind.SPF_INVALID, name, _quotable(verdict.why))
    if verdict.result is SpfResult.TEMPORARY:
        return _Slip(FindingKind.SPF_UNDECIDED, name, _quotable(verdict.why))
    return None


def _quotable(text: str) -> str:
    """A stranger's text, fit for a mail and a terminal."""
    return "".join(mark if mark.isprintable() else "?" for mark in text[:QUOTED_LENGTH_MAX])
