"""What was done at the users' desks: marks, counts and reminders, over documents in chunks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import BatchRecord, JournalEntry, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.workstations import (
    Desk,
    DeskChunk,
    DeskChunks,
    Tick,
    chunk_count,
    chunk_name,
    chunk_of,
    chunks_name,
    is_reminder_due,
    reminded,
    ticked,
)
from bascule.ports.bundle import Ports

# Exchange Online takes 30 messages a minute from one mailbox (Microsoft Learn, "Exchange Online limits"); probes use the same.
REMINDERS_PER_RUN_MAX = 25


@dataclass(frozen=True)
class DeskCounts:
    """How far the desks of a batch are; only migrated mailboxes have anything to do."""

    migrated_count: int
    done: dict[str, int]
    """{step: how many have done it}."""
    complete_count: int
    """Mailboxes with no open step."""

    @property
    def left_count(self) -> int:
        """Mailboxes with an open step."""
        return self.migrated_count - self.complete_count


def steps_of(ports: Ports) -> tuple[str, ...]:
    """The plan's steps, in its order."""
    return tuple(ports.plan.workstations.steps)


def tick(ports: Ports, batch: BatchRecord, ticks: Iterable[Tick], by: str) -> int:
    """Set or take back marks; how many mailboxes were touched. The same again changes nothing.

    Raises:
        Refusal(REQUEST_REJECTED): an address is not in the batch; then nothing was changed.
    """
    keyed = [(mailbox_key(each.address), each) for each in ticks]
    _require(ports, batch.name, keyed)
    count = _settled_count(ports, batch)
    chunks: dict[int, list[tuple[str, Tick]]] = defaultdict(list)
    for key, each in keyed:
        chunks[chunk_of(key, count)].append((key, each))
    now_utc = ports.clock.now_utc()
    for number, mine in sorted(chunks.items()):
        _amend(ports, batch.name, number, mine, by)
    touched = sorted({key for key, _ in keyed})
    note = f"{len(keyed)} marks on {len(touched)} mailboxes"
    ports.journal.note(JournalEntry(now_utc, batch.name, "", "workstations", "", note, by))
    return len(touched)


def document_count(ports: Ports, batch: str) -> int:
    """How many documents the desks of a batch are read from."""
    chunks = ports.documents.find(chunks_name(batch), DeskChunks)
    return chunks.count if chunks else 0


def desks_of(ports: Ports, batch: str) -> dict[str, Desk]:
    """{mailbox key: desk} of everybody of whom something is known."""
    desks: dict[str, Desk] = {}
    for number in range(document_count(ports, batch)):
        chunk = ports.documents.find(chunk_name(batch, number), DeskChunk)
        desks |= chunk.desks if chunk else {}
    return desks


def counts_of(ports: Ports, batch: str, records: Iterable[MailboxRecord]) -> DeskCounts | None:
    """How far the desks of a batch are; None when the plan has no steps."""
    moved = (each.key for each in records if each.stage is Stage.MIGRATED)
    return counts_over(ports, batch, moved) if steps_of(ports) else None


def counts_over(ports: Ports, batch: str, migrated_keys: Iterable[str]) -> DeskCounts:
    """How far the desks of these migrated mailboxes of a batch are."""
    steps, desks = steps_of(ports), desks_of(ports, batch)
    moved = [desks.get(key, Desk()) for key in migrated_keys]
    done = Counter(step for desk in moved for step in desk.done if step in steps)
    complete = sum(not desk.open_steps(steps) for desk in moved)
    return DeskCounts(len(moved), {step: done[step] for step in steps}, complete)


def remind(ports: Ports) -> int:
    """Mail those whose steps are open for too long, a bounded number at a time; how many were told.

    Written down before it is sent: a crash in between costs one reminder, never sends one too many.
    """
    if not ports.plan.workstations.reminder_subject or not steps_of(ports):
        return 0
    told = 0
    for batch, record in _due(ports):
        if told >= REMINDERS_PER_RUN_MAX:
            break
        _remind(ports, batch, record)
        told += 1
    return told


def _due(ports: Ports) -> Iterator[tuple[BatchRecord, MailboxRecord]]:
    plan, now_utc = ports.plan.workstations, ports.clock.now_utc()
    for batch in ports.ledger.batches():
        desks = desks_of(ports, batch.name)
        for record in ports.ledger.mailboxes(batch.name):
            since_utc = record.migrated_utc
            if record.stage is not Stage.MIGRATED or since_utc is None:
                continue
            desk = desks.get(record.key, Desk())
            if is_reminder_due(desk, plan, since_utc, now_utc):
                yield batch, record


def _remind(ports: Ports, batch: BatchRecord, record: MailboxRecord) -> None:
    number = chunk_of(record.key, _settled_count(ports, batch))
    now_utc = ports.clock.now_utc()
    chunk = ports.documents.amend(
        chunk_name(batch.name, number),
        DeskChunk,
        lambda stored: reminded(stored or DeskChunk(), record.key, now_utc),
    )
    plan = ports.plan.workstations
    open_steps = chunk.desks[record.key].open_steps(plan.steps)
    text = "\n\n".join(plan.steps[step].text for step in open_steps)
    ports.notifier.tell_user(record.address, plan.reminder_subject, text)


def _amend(
    ports: Ports, batch: str, number: int, mine: list[tuple[str, Tick]], by: str
) -> DeskChunk:
    now_utc = ports.clock.now_utc()
    return ports.documents.amend(
        chunk_name(batch, number),
        DeskChunk,
        lambda stored: ticked(stored or DeskChunk(), mine, by, now_utc),
    )


def _settled_count(ports: Ports, batch: BatchRecord) -> int:
    """The number of chunks, settled by whoever comes first."""
    chunks = ports.documents.amend(
        chunks_name(batch.name),
        DeskChunks,
        lambda stored: stored or DeskChunks(chunk_count(batch.row_count)),
    )
    return chunks.count


def _require(ports: Ports, batch: str, keyed: list[tuple[str, Tick]]) -> None:
    unknown = sorted(
        {each.address for key, each in keyed if ports.ledger.find_mailbox(batch, key) is None}
    )
    if unknown:
        shown = ", ".join(unknown[:10])
        raise Refusal(
            Code.REQUEST_REJECTED, f"{len(unknown)} addresses are not in {batch}: {shown}"
        )
