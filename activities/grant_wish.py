"""Write an operator's wish into the rows of those who can take it; say why of the others."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from activities.sync_boards import is_late
from bascule.domain.records import JournalEntry, MailboxRecord, Wish
from bascule.domain.requests import WishOutcome, WishRefusal, WishRequest
from bascule.domain.stages import CUT_OVER, Stage
from bascule.domain.survey_again import is_surveyable, standing_offences
from bascule.domain.wishes import (
    asked_words,
    can_be_taken_back,
    standing_word,
    standing_words,
    was_taken_back,
    with_wish,
)
from bascule.ports.bundle import Ports

DELTA_AGE_MAX = timedelta(hours=26)


def grant_wish(ports: Ports, request: WishRequest) -> WishOutcome:
    """At most a chunk of mailboxes; the same wish again is granted again and changes nothing. What it changes is journaled."""
    granted: list[str] = []
    refused: list[WishRefusal] = []
    for key in request.keys:
        record = ports.ledger.find_mailbox(request.batch, key)
        if record is None:
            refused.append(WishRefusal(key, "it is not in this batch"))
            continue
        if why := _write(ports, request, record):
            refused.append(WishRefusal(record.address, why))
            continue
        granted.append(key)
    return WishOutcome(tuple(granted), tuple(refused))


def refusal_of(ports: Ports, request: WishRequest, record: MailboxRecord) -> str:
    """Why this mailbox cannot be asked this now; empty when it can."""
    if request.wish is Wish.CUTOVER:
        now_utc = ports.clock.now_utc()
        waived = {*request.waived, *record.waived, *ports.plan.survey.waived}
        why = _cutover_refusal(record, waived)
        # At an instant yet to come, it is for the story to see then.
        is_ahead = request.at_utc is not None and request.at_utc > now_utc
        return why if why or is_ahead else _not_ready(ports, record)
    return REFUSALS[request.wish](record)


def _cutover_refusal(record: MailboxRecord, waived: set[str]) -> str:
    if record.rollback_began_utc is not None:
        return "it is on its way back"
    if record.stage in CUT_OVER | {Stage.ABANDONED}:
        return f"it is {record.stage}"
    if record.has_begun_cutover:
        return "its cutover has begun; only a rollback takes it back"
    return standing_word(record) or _offence_refusal(record, waived)


def _offence_refusal(record: MailboxRecord, waived: set[str]) -> str:
    offences = standing_offences(record, waived)
    if not offences:
        return ""
    return (
        f"its survey found {', '.join(offences)}; mend the source and ask for a survey, or waive it"
    )


def _not_ready(ports: Ports, record: MailboxRecord) -> str:
    if record.stage is Stage.ROLLED_BACK:
        return ""  # its sync is looked at again, and judged, before anything is turned
    if record.stage is Stage.SET_ASIDE:
        return "it is SET_ASIDE; name an instant yet to come, or ask for the retry first"
    if record.stage is not Stage.SYNCED:
        return f"it is {record.stage}, not yet SYNCED"
    return "its last sync is older than 26 h" if is_late(ports, record, DELTA_AGE_MAX) else ""


def _rollback_refusal(record: MailboxRecord) -> str:
    if record.has_begun_cutover:
        return "it is closed, its password destroyed" if record.closed_utc else ""
    if record.stage is Stage.ABANDONED:
        return "it is ABANDONED"
    if can_be_taken_back(record) or was_taken_back(record):
        return ""
    if record.wish is Wish.ABANDON:
        return "it is being abandoned: its sync or its password is gone already"
    return "its cutover has not begun, and none is asked for"


def _retry_refusal(record: MailboxRecord) -> str:
    if record.stage is not Stage.SET_ASIDE:
        return f"it is {record.stage}, not set aside"
    return standing_word(record)


def _abandon_refusal(record: MailboxRecord) -> str:
    if record.has_begun_cutover:
        return "its cutover has begun; ask for the rollback first"
    return ""


def _survey_refusal(record: MailboxRecord) -> str:
    if record.has_begun_cutover:
        return "its cutover has begun"
    if not is_surveyable(record):
        return f"it is {record.stage}; a survey is repeated from COEXISTING to SYNCED, or at ROLLED_BACK"
    return standing_word(record)


REFUSALS: Mapping[Wish, Callable[[MailboxRecord], str]] = MappingProxyType(
    {
        Wish.ROLLBACK: _rollback_refusal,
        Wish.RETRY: _retry_refusal,
        Wish.ABANDON: _abandon_refusal,
        Wish.SURVEY: _survey_refusal,
    }
)


def _write(ports: Ports, request: WishRequest, record: MailboxRecord) -> str:
    """Write the wish unless the row, as it stands at that instant, refuses it: why, or empty.

    Judged by an older reading, a rollback could be granted to a mailbox whose password is being destroyed.
    """
    now_utc = ports.clock.now_utc()
    why = refusal_of(ports, request, record)
    before = record

    def change(stored: MailboxRecord) -> MailboxRecord:
        nonlocal why, before
        before = stored
        why = refusal_of(ports, request, stored)
        return stored if why else with_wish(stored, request, now_utc)

    if not why:
        after = ports.ledger.amend_mailbox(record.batch, record.key, change)
        if after != before:
            _note(ports, request, before, after)
    return why


def _note(ports: Ports, request: WishRequest, before: MailboxRecord, after: MailboxRecord) -> None:
    """Who asked what of whom: its effects come later, and some wishes are taken back before they are served."""
    ports.journal.note(
        JournalEntry(
            ports.clock.now_utc(),
            after.batch,
            after.key,
            "asked",
            standing_words(before),
            asked_words(request, after),
            request.asked_by,
        )
    )
