"""Look at public DNS for the completion: what the phase waits for, what is wrong, and who is told."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from activities.completion_gate import amend_completion, completion_of
from activities.dns_looks import look_at
from bascule.domain.completion import (
    FINDING_COUNT_MAX,
    FINDING_LENGTH_MAX,
    CompletionRecord,
    CompletionRef,
    DnsFacts,
    Phase,
    advanced,
    changing,
    lowered_wait_s,
    lowering,
    shown_wait_s,
)
from bascule.domain.dns_difference import zone_difference
from bascule.domain.dns_findings import (
    Finding,
    SpfAim,
    findings,
    high_ttls,
    is_unknown,
    longest_ttl_s,
)
from bascule.domain.dns_look import DomainLook
from bascule.ports.bundle import Ports

DIFFERENCE_PATH = "TENANT/zone.txt"
FINDINGS_PATH = "TENANT/findings.json"
# What a phase asks of the operator, as the first line of the mail.
ASKED = {
    Phase.LOWERING: "Please lower the TTL of these records now, without changing what they say.",
    Phase.CHANGING: (
        "Please put these lines into the zone. With them nobody asks the alias map any more: mail to addresses that only it knows "
        "is lost from then on. `bascule completion show` names them."
    ),
    Phase.READY: "The zone is no longer what the tenant asks for.",
    Phase.TURNING: "The zone is no longer what the tenant asks for; the other domains wait for it.",
    Phase.SEPARATING: "Please let the tenant alone send, in SPF.",
}


def watch_dns(ports: Ports, ref: CompletionRef) -> DnsFacts:
    """Look at every domain, remember what was seen, go on to the next phase when this one has what it waits for.

    The zone-file difference and the findings stand in the reports `TENANT/zone.txt` and `TENANT/findings.json`.
    """
    del ref
    before = completion_of(ports)
    if before is None:
        return DnsFacts(is_done=False, wait_s=0.0, finding_count=0)
    looks = [look_at(ports, domain) for domain in ports.plan.tenant.domains]
    found = _found(ports, looks, before.phase)
    _report(ports, looks, before.phase, found)
    after = amend_completion(ports, lambda record: _seen(ports, record, looks, found))
    _tell(ports, before.phase, after, found)
    is_done = _is_done(before.phase, after.phase, is_held=_holding(looks, found))
    return DnsFacts(is_done, _wait_s(ports, after), len(found))


def shown_everywhere(ports: Ports, aim: SpfAim) -> bool:
    """Whether every server shows, at this moment, what the tenant asks for."""
    looks = [look_at(ports, domain) for domain in ports.plan.tenant.domains]
    found = [each for look in looks for each in findings(look, aim)]
    return not _holding(looks, found)


def _is_done(before: Phase, after: Phase, *, is_held: bool) -> bool:
    """Whether the story may go on: the phase has passed, or what it watches is as it has to be."""
    if before in (Phase.READY, Phase.TURNING, Phase.SEPARATING):
        return after is before and not is_held
    return after is not before


def _found(ports: Ports, looks: list[DomainLook], phase: Phase) -> list[Finding]:
    if phase is Phase.LOWERING:
        ttl_s_max = ports.plan.dns.ttl_s_max
        return [each for look in looks for each in high_ttls(look, ttl_s_max)]
    return [each for look in looks for each in findings(look, _aim(phase))]


def _aim(phase: Phase) -> SpfAim:
    return SpfAim.TENANT_ALONE if phase is Phase.SEPARATING else SpfAim.BOTH


def _holding(looks: Iterable[DomainLook], found: Iterable[Finding]) -> bool:
    return any(is_unknown(look) for look in looks) or any(each.is_blocking for each in found)


def _seen(
    ports: Ports, record: CompletionRecord, looks: list[DomainLook], found: list[Finding]
) -> CompletionRecord:
    """The record after a look; the phase it was looked in may have passed meanwhile."""
    now_utc = ports.clock.now_utc()
    record = replace(record, findings=_lines(found), looked_utc=now_utc)
    longest_s = max((longest_ttl_s(look) for look in looks), default=0)
    is_shown = not _holding(looks, found)
    if record.phase is Phase.LOWERING:
        record = lowering(
            record,
            high_ttl_s=longest_s if found else 0,
            is_unknown=any(is_unknown(look) for look in looks),
            now_utc=now_utc,
        )
        if lowered_wait_s(record, now_utc) == 0:
            return advanced(record, Phase.LOWERING, Phase.CHANGING, now_utc)
    elif record.phase in (Phase.CHANGING, Phase.READY):
        record = changing(record, longest_ttl_s=longest_s, is_shown=is_shown, now_utc=now_utc)
        if record.phase is Phase.READY and not is_shown and not record.is_closed:
            return advanced(record, Phase.READY, Phase.CHANGING, now_utc)
        if shown_wait_s(record, now_utc) == 0:
            return advanced(record, Phase.CHANGING, Phase.READY, now_utc)
    return record


def _lines(found: list[Finding]) -> tuple[str, ...]:
    return tuple(
        f"{each.kind} {each.name}: {each.detail}"[:FINDING_LENGTH_MAX]
        for each in found[:FINDING_COUNT_MAX]
    )


def _wait_s(ports: Ports, record: CompletionRecord) -> float:
    """Until the next look: the plan's, or sooner when a wait ends before."""
    now_utc = ports.clock.now_utc()
    left = {
        Phase.LOWERING: lowered_wait_s(record, now_utc),
        Phase.CHANGING: shown_wait_s(record, now_utc),
    }.get(record.phase)
    look_s = float(ports.plan.dns.look_s)
    return look_s if left is None else max(1.0, min(left, look_s))


def _report(ports: Ports, looks: list[DomainLook], phase: Phase, found: list[Finding]) -> None:
    lines = _difference(ports, looks, phase)
    ports.blobs.write_report(DIFFERENCE_PATH, "\n".join(lines).encode(), "text/plain")
    shown = [
        {"kind": each.kind, "name": each.name, "detail": each.detail, "servers": each.servers}
        for each in found
    ]
    content = json.dumps({"phase": phase, "findings": shown}, indent=2, ensure_ascii=False)
    ports.blobs.write_report(FINDINGS_PATH, content.encode(), "application/json")


def _difference(ports: Ports, looks: list[DomainLook], phase: Phase) -> tuple[str, ...]:
    plan = ports.plan.dns
    return tuple(
        line
        for look in looks
        for line in zone_difference(look, _aim(phase), plan.source_senders, plan.ttl_s_max)
    )


def _tell(ports: Ports, phase: Phase, record: CompletionRecord, found: list[Finding]) -> None:
    """Tell the operator what a phase asks for: once when it begins, and again each time the patience has passed.

    What holds nothing up is no reason to write: it may stay as it is for ever.
    """
    blocking = _lines([each for each in found if each.is_blocking])
    if not blocking or phase is not record.phase:
        return
    now_utc = ports.clock.now_utc()
    patience = timedelta(hours=ports.plan.dns.patience_h)
    if record.told_utc is not None and now_utc - record.told_utc < patience:
        return
    text = "\n".join([ASKED[phase], "", *blocking, "", f"Zone lines: {DIFFERENCE_PATH}"])
    ports.notifier.alert(f"Completion of the tenant: {phase}", text)
    amend_completion(ports, lambda stored: replace(stored, told_utc=now_utc))
