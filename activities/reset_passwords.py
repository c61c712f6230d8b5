"""Give accounts new passwords, each sealed for hand-out before the directory hears of it."""

from dataclasses import replace

from activities.hand_out import discard, find_entry, opened, prepare, settle
from activities.password_subjects import Subject, rule_of, subjects_of, why_left_alone
from activities.uploads import write_json
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import encode
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.password_requests import (
    ResetChunk,
    ResetLine,
    ResetOutcome,
    ResetRequest,
    ResetResult,
    report_path,
)
from bascule.domain.passwords import password_for
from bascule.domain.plan import CohortPlan, PasswordRule
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports


def reset_passwords(ports: Ports, chunk: ResetChunk) -> ResetOutcome:
    """At most a chunk of accounts; one that this request has changed already is not changed again.

    A single account that the directory refuses is named and does not hold the others up. Throttling does: the chunk is asked
    for again.
    """
    lines = [_reset(ports, chunk.request, subject) for subject in subjects_of(ports, chunk)]
    write_json(
        ports, report_path(chunk.request.request, chunk.number), [encode(line) for line in lines]
    )
    refused = tuple(line for line in lines if line.result is ResetResult.REFUSED)
    forbidden = [line for line in refused if line.why.startswith(Code.PERMISSION_MISSING)]
    return ResetOutcome(len(lines) - len(refused), refused, len(forbidden))


def _reset(ports: Ports, request: ResetRequest, subject: Subject) -> ResetLine:
    line = ResetLine(subject.person.address, subject.person.cohort, ResetResult.REFUSED)
    entry = find_entry(ports, subject.person.address)
    if entry and entry.current and entry.current.set_by == request.request:
        return replace(line, result=ResetResult.CHANGED, rule=entry.current.rule)
    try:
        return _judged(ports, request, subject, line)
    except Refusal as refusal:
        return replace(line, why=f"{refusal.code}: {refusal.detail}")
    except NotYet as missing:
        return replace(line, why=str(missing))


def _judged(ports: Ports, request: ResetRequest, subject: Subject, line: ResetLine) -> ResetLine:
    cohort = subject.cohort(ports)
    why = why_left_alone(ports, subject, request)
    if why or cohort is None:
        return replace(line, why=why)
    rule = rule_of(cohort, request)
    if request.is_dry_run:
        return replace(line, result=ResetResult.WOULD_CHANGE, rule=rule)
    _change(ports, request, subject, cohort, rule)
    return replace(line, result=ResetResult.CHANGED, rule=rule)


def _change(
    ports: Ports, request: ResetRequest, subject: Subject, cohort: CohortPlan, rule: PasswordRule
) -> None:
    address = subject.person.address
    origin, password = _prepared(ports, request, subject, cohort, rule)
    must_change = (
        cohort.must_change_password if request.must_change is None else request.must_change
    )
    try:
        ports.directory.set_password(subject.account_id, password, must_change=must_change)
    except Refusal:
        if rule is PasswordRule.RANDOM:
            discard(ports, address, origin)
        raise
    settle(ports, address, origin, set_by=request.request)
    _note(ports, request, subject, rule)


def _prepared(
    ports: Ports, request: ResetRequest, subject: Subject, cohort: CohortPlan, rule: PasswordRule
) -> tuple[str, str]:
    """Who brought the password, and the password."""
    if rule is PasswordRule.RANDOM:
        any_given = replace(cohort, password=PasswordRule.RANDOM)
        origin = request.request
        return origin, prepare(ports, subject.person, origin, lambda: password_for(any_given))
    entry = find_entry(ports, subject.person.address)
    waiting = entry.waiting if entry else None
    imported = opened(ports, waiting) if waiting else None
    if waiting is None or imported is None:
        raise Refusal(
            Code.SECRET_UNREADABLE, "the imported password was destroyed: its time was over"
        )
    return waiting.origin, imported


def _note(ports: Ports, request: ResetRequest, subject: Subject, rule: PasswordRule) -> None:
    batch, key = subject.person.batch or request.request, mailbox_key(subject.person.address)
    now_utc = ports.clock.now_utc()
    after = f"{rule}, {request.request}"
    ports.journal.note(JournalEntry(now_utc, batch, key, "password", "", after, request.asked_by))
