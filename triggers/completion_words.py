"""The operator's words about the completion of the tenant: who may be believed, and what each of them needs."""

from dataclasses import replace
from datetime import datetime

from activities.completion_gate import (
    completion_of,
    entries_of_completion,
    is_being_prepared,
    unproven,
)
from bascule.domain.codes import Code
from bascule.domain.completion import (
    AWAITED,
    COMPLETION,
    JOURNAL,
    REVERSIBLE,
    CompletionRecord,
    Phase,
    Word,
    WordGiven,
    standing,
    stopped,
)
from bascule.domain.errors import Refusal
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports
from triggers.answers import BadRequest

CONFLICT = 409


def say(ports: Ports, word: Word, by: str) -> None:
    """Write a word down; the same word again changes nothing, nor does `stop` when nothing was begun.

    Raises:
        BadRequest: it is not time for this word, or the plan lacks something.
        Refusal(MAILBOXES_UNPROVEN): with the names of those who still need the old system.
    """
    if word is not Word.STOP:
        _check(ports, word)
    given = WordGiven(word, by, ports.clock.now_utc())
    words = _stop(ports, given) if word is Word.STOP else _write(ports, given)
    for first in (each for each in words if each.word is word):
        _note(ports, first)


def _check(ports: Ports, word: Word) -> None:
    if word is Word.BEGIN:
        _check_plan(ports)
    else:
        _check_time(completion_of(ports), word)
    _check_preparation(ports)
    found = unproven(ports, finally_=word is not Word.BEGIN)
    if found.count:
        raise Refusal(Code.MAILBOXES_UNPROVEN, str(found))


def _check_plan(ports: Ports) -> None:
    if not ports.plan.dns.source_senders:
        raise BadRequest(
            "the plan names no dns.source_senders: the addresses from which the old servers send, so that SPF can be checked"
        )


def _check_preparation(ports: Ports) -> None:
    if is_being_prepared(ports):
        raise BadRequest(
            "a preparation or a repair of the tenant is still going on; let it end first",
            status=CONFLICT,
        )


def _check_time(record: CompletionRecord | None, word: Word) -> None:
    if record is None:
        raise BadRequest("the completion was not begun: say begin first", status=CONFLICT)
    if record.has(word) or AWAITED.get(record.phase) is word:
        return
    awaited = AWAITED.get(record.phase)
    hint = f"the word waited for is {awaited}" if awaited else "no word is waited for now"
    raise BadRequest(f"step {word}: the completion is at {record.phase}; {hint}", status=CONFLICT)


def _write(ports: Ports, given: WordGiven) -> tuple[WordGiven, ...]:
    """All words as they stand now."""

    def change(stored: CompletionRecord | None) -> CompletionRecord:
        record = standing(stored)
        if given.word is not Word.BEGIN:
            _check_time(record, given.word)
        return _with(record or CompletionRecord(phase_since_utc=given.at_utc), given)

    return ports.documents.amend(COMPLETION, CompletionRecord, change).words


def _with(record: CompletionRecord, given: WordGiven) -> CompletionRecord:
    if record.has(given.word):
        return record
    closed_utc: datetime | None = record.closed_utc
    if given.word is not Word.BEGIN:
        # In the same write as the word: whoever registers a batch from now on is refused.
        closed_utc = closed_utc or given.at_utc
    return replace(record, words=(*record.words, given), closed_utc=closed_utc)


def _stop(ports: Ports, given: WordGiven) -> tuple[WordGiven, ...]:
    """All words as they stand now; none when nothing was ever begun."""
    if ports.documents.find(COMPLETION, CompletionRecord) is None:
        return ()

    def change(record: CompletionRecord | None) -> CompletionRecord:
        if record is None or record.phase in REVERSIBLE:
            return stopped(record or CompletionRecord(), given)
        if record.phase is Phase.STOPPED:
            return record
        raise BadRequest(
            f"step stop: the completion is at {record.phase}, which cannot be taken back",
            status=CONFLICT,
        )

    return ports.documents.amend(COMPLETION, CompletionRecord, change).words


def _note(ports: Ports, given: WordGiven) -> None:
    """Write a word into the journal, once: it may be said again, and an earlier note of it may have been lost."""
    effect = f"word {given.word}"
    noted = (each for each in entries_of_completion(ports) if each.effect == effect)
    # The same word of an evening that was stopped has an entry that is older.
    if not any(each.at_utc >= given.at_utc for each in noted):
        entry = JournalEntry(given.at_utc, JOURNAL, COMPLETION, effect, "", "given", given.by)
        ports.journal.note(entry)
