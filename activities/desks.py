"""What was done at the users' desks: marks, counts and reminders."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from activities.desk_chunks import change_desks, desks_of
from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import BatchRecord, JournalEntry, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.workstations import (
    Desk,
    DeskChange,
    Tick,
    is_reminder_due,
    reminded,
    ticked,
)
from bascule.ports.bundle import Ports

logger = logging.getLogger("bascule.workstations")

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
    now_utc = ports.clock.now_utc()
    mine: dict[str, list[Tick]] = defaultdict(list)
    for key, each in keyed:
        mine[key].append(each)
    change_desks(ports, batch, {key: _ticks(these, by, now_utc) for key, these in mine.items()})
    touched = sorted({key for key, _ in keyed})
    note = f"{len(keyed)} marks on {len(touched)} mailboxes"
    ports.journal.note(JournalEntry(now_utc, batch.name, "", "workstations", "", note, by))
    return len(touched)


def has_moved(record: MailboxRecord) -> bool:
    """Whether anything is to be done at its user's desk: not any more once it is on its way back."""
    return record.stage is Stage.MIGRATED and record.rollback_began_utc is None


def counts_of(ports: Ports, batch: str, records: Iterable[MailboxRecord]) -> DeskCounts | None:
    """How far the desks of a batch are; None when the plan has no steps."""
    moved = (each.key for each in records if has_moved(each))
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

    Raises:
        Refusal: some were refused, with the first of them; all the others were told.
        Unreachable, Throttled: at once; what holds for one mail holds for the next.
    """
    if not ports.plan.workstations.reminder_subject or not steps_of(ports):
        return 0
    told = 0
    refusals: list[Refusal] = []
    for batch, record in _due(ports):
        if told + len(refusals) >= REMINDERS_PER_RUN_MAX:
            break
        try:
            told += _remind(ports, batch, record)
        except Refusal as refusal:
            if refusal.code is Code.PERMISSION_MISSING:
                raise
            logger.warning("%s of %s was not reminded: %s", record.key, batch.name, refusal)
            refusals.append(refusal)
    if refusals:
        first = refusals[0]
        raise Refusal(
            first.code, f"{told} users were reminded, {len(refusals)} were not: {first.detail}"
        )
    return told


def _due(ports: Ports) -> Iterator[tuple[BatchRecord, MailboxRecord]]:
    plan, now_utc = ports.plan.workstations, ports.clock.now_utc()
    for batch in ports.ledger.batches():
        desks = desks_of(ports, batch.name)
        for record in ports.ledger.mailboxes(batch.name):
            since_utc = record.migrated_utc
            if not has_moved(record) or since_utc is None:
                continue
            desk = desks.get(record.key, Desk())
            if is_reminder_due(desk, plan, since_utc, now_utc):
                yield batch, record


def _remind(ports: Ports, batch: BatchRecord, record: MailboxRecord) -> bool:
    """Whether there was still something to tell: whoever did the last step meanwhile gets no empty letter."""
    plan, now_utc = ports.plan.workstations, ports.clock.now_utc()
    since_utc = record.migrated_utc or now_utc

    def change(desk: Desk) -> Desk:
        is_due = is_reminder_due(desk, plan, since_utc, now_utc)
        return reminded(desk, now_utc) if is_due else desk

    desk = change_desks(ports, batch, {record.key: change})[record.key]
    if desk.reminded_utc != now_utc:
        return False
    text = "\n\n".join(plan.steps[step].text for step in desk.open_steps(plan.steps))
    ports.notifier.tell_user(record.address, plan.reminder_subject, text)
    return True


def _ticks(ticks: list[Tick], by: str, at_utc: datetime) -> DeskChange:
    return lambda desk: reduce(lambda now, each: ticked(now, each, by, at_utc), ticks, desk)


def _require(ports: Ports, batch: str, keyed: list[tuple[str, Tick]]) -> None:
    unknown = sorted(
        {each.address for key, each in keyed if ports.ledger.find_mailbox(batch, key) is None}
    )
    if unknown:
        shown = ", ".join(unknown[:10])
        raise Refusal(
            Code.REQUEST_REJECTED, f"{len(unknown)} addresses are not in {batch}: {shown}"
        )
