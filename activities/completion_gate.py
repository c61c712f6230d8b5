"""What stands between a word and its deed: nothing irreversible while a single mailbox is not proven.

Closing comes first, then the look: whoever registers a batch writes it first, then looks whether it is closed. So one of
the two sees the other, whatever happens in between. A preparation is kept apart in the same way: it is written down first,
and its walk looks whether the tenant is closed.
"""

from collections.abc import Callable, Iterator

from bascule.domain.codes import Code
from bascule.domain.completion import (
    COMPLETION,
    JOURNAL,
    CompletionRecord,
    Held,
    Phase,
    Word,
    advanced,
    batch_problem,
    held,
    mailbox_problems,
    standing,
)
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import JournalEntry
from bascule.domain.tenant_records import PREPARATION, Preparation
from bascule.ports.bundle import Ports

# A walk through the parts that began before the tenant was closed is some minutes long, and the last one.
PREPARATION_WAIT_S = 60.0


def completion_of(ports: Ports) -> CompletionRecord | None:
    """The completion's document; None while nobody began it, and since somebody stopped it."""
    return standing(ports.documents.find(COMPLETION, CompletionRecord))


def is_closed_to_uploads(ports: Ports) -> bool:
    """Whether nothing new may begin any more."""
    record = completion_of(ports)
    return record is not None and record.is_closed


def is_being_prepared(ports: Ports) -> bool:
    """Whether a preparation or a repair may still write what the completion takes down."""
    preparation = ports.documents.find(PREPARATION, Preparation)
    return preparation is not None and preparation.is_under_way


def unproven(ports: Ports, *, finally_: bool) -> Held:
    """Every mailbox of every batch that still needs the old system, and every batch that may still grow."""
    return held(_problems(ports, finally_=finally_))


def pass_gate(ports: Ports, word: Word) -> None:
    """Return when the deed of a word may be done now.

    Raises:
        Refusal(MAILBOXES_UNPROVEN): the word was not given, or a mailbox is not proven; with their names.
        NotYet: a preparation of the tenant has not seen yet that it comes too late.
    """
    record = completion_of(ports)
    if record is None or not record.has(word):
        raise Refusal(Code.MAILBOXES_UNPROVEN, f"the word {word} was not given")
    if not record.is_closed:
        raise Refusal(Code.MAILBOXES_UNPROVEN, "the tenant still takes uploads")
    found = unproven(ports, finally_=True)
    if found.count:
        raise Refusal(Code.MAILBOXES_UNPROVEN, str(found))
    if is_being_prepared(ports):
        raise NotYet(PREPARATION_WAIT_S, "a preparation of the tenant is still going on")


def note_deed(ports: Ports, what: str, before: str, after: str, word: Word) -> None:
    """Write an effect on the tenant into the journal, with who said the word."""
    record = completion_of(ports)
    words = record.words if record else ()
    by = next((given.by for given in words if given.word is word), "")
    now_utc = ports.clock.now_utc()
    ports.journal.note(JournalEntry(now_utc, JOURNAL, COMPLETION, what, before, after, by))


def entries_of_completion(ports: Ports) -> Iterator[JournalEntry]:
    """What the journal says of the completion, words and deeds, in their order."""
    return (entry for entry in ports.journal.entries(JOURNAL) if entry.key == COMPLETION)


def note_once(ports: Ports, what: str, before: str, after: str, word: Word) -> None:
    """Write down an effect that no entry tells of yet: its own answer was lost, or a hand did it."""
    if not any(entry.effect == what for entry in entries_of_completion(ports)):
        note_deed(ports, what, before, after, word)


def amend_completion(
    ports: Ports, change: Callable[[CompletionRecord], CompletionRecord]
) -> CompletionRecord:
    """Compare-and-set of the document. Raises Refusal when nobody began it, or somebody stopped it meanwhile."""

    def changed(stored: CompletionRecord | None) -> CompletionRecord:
        record = standing(stored)
        if record is None:
            raise Refusal(Code.MAILBOXES_UNPROVEN, "the completion was not begun, or was stopped")
        return change(record)

    return ports.documents.amend(COMPLETION, CompletionRecord, changed)


def advance(ports: Ports, before: Phase, after: Phase) -> CompletionRecord:
    """Go on to the next phase, if the document still stands at the one before; the document as it is then."""
    now_utc = ports.clock.now_utc()
    return amend_completion(ports, lambda record: advanced(record, before, after, now_utc))


def _problems(ports: Ports, *, finally_: bool) -> Iterator[str]:
    for batch in ports.ledger.batches():
        if problem := batch_problem(batch):
            yield f"batch {batch.name} {problem}"
        records = ports.ledger.mailboxes(batch.name)
        yield from mailbox_problems(batch.name, records, finally_=finally_)
