"""Put mailboxes that coexist into Exchange migration batches."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from activities.subject import batch_of, login_of, note
from activities.sync_boards import board_of, sync_batch_names
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_file import exchange_csv
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.mail import Login
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.domain.stages import LIFE, Stage
from bascule.domain.sync import SyncState
from bascule.ports.bundle import Ports

AT_REST = frozenset({SyncState.IDLE, SyncState.STOPPED})
BEFORE_COEXISTENCE = frozenset(LIFE[: LIFE.index(Stage.COEXISTING)])
UP_TO_COEXISTENCE = BEFORE_COEXISTENCE | {
    Stage.COEXISTING,
    Stage.SET_ASIDE,
    Stage.ABANDONED,
    Stage.ROLLED_BACK,
}
# A batch of 50 000 rows has some dozens of sync batches; what is told of five is enough to begin with.
REFUSALS_TOLD_MAX = 5


def build_sync_batches(ports: Ports, ref: BatchRef) -> int:
    """Assign waiting mailboxes to a sync batch when it is time, then create every one that is assigned; how many.

    The assignment is written first, so that a repeated creation sends the same rows.

    Raises:
        Refusal(ENDPOINT_MISSING | SYNC_IN_OTHER_BATCH | REQUEST_REJECTED): as Exchange says of some; the others were created.
    """
    records = list(ports.ledger.mailboxes(ref.name))
    if _is_time(ports, ref.name, records):
        records = _assign(ports, ref.name, records)
    names = sorted({record.sync_batch for record in records} - {""})
    asked_count = 0
    refusals: list[Refusal] = []
    for name in names:
        try:
            asked_count += _create(ports, name, records)
        except Refusal as refusal:
            refusals.append(refusal)
    if refusals:
        details = [refusal.detail for refusal in refusals[:REFUSALS_TOLD_MAX]]
        raise Refusal(refusals[0].code, "; ".join(dict.fromkeys(details)))
    return asked_count


def _waiting(records: Iterable[MailboxRecord]) -> list[MailboxRecord]:
    return [record for record in records if _wants_sync(record) and not record.sync_batch]


def _wants_sync(record: MailboxRecord) -> bool:
    # Home again and asked for a second cutover, it may have lost its sync in the first.
    is_asked_again = record.stage is Stage.ROLLED_BACK and record.cutover_at_utc is not None
    return record.stage is Stage.COEXISTING or is_asked_again


def _is_time(ports: Ports, name: str, records: list[MailboxRecord]) -> bool:
    """When nobody is on the way any more; otherwise after the plan's time, counted from the first who waits."""
    waiting = _waiting(records)
    if not waiting:
        return False
    if not any(record.stage in BEFORE_COEXISTENCE for record in records):
        return True
    now_utc = ports.clock.now_utc()
    if not any(record.sync_batch for record in records):
        gather = timedelta(hours=ports.plan.patience.gather_h)
        return now_utc - batch_of(ports, name).uploaded_utc > gather
    gather = timedelta(seconds=ports.plan.sync.supplement_gather_s)
    return any(now_utc - (record.stage_since_utc or now_utc) > gather for record in waiting)


def _assign(ports: Ports, name: str, records: list[MailboxRecord]) -> list[MailboxRecord]:
    taken = {record.sync_batch for record in records} - {""}
    fresh = (
        candidate for candidate in sync_batch_names(name) if not _is_taken(ports, candidate, taken)
    )
    by_key = {record.key: record for record in records}
    waiting = _waiting(records)
    rows_max = ports.plan.sync.rows_per_sync_batch_max
    for start in range(0, len(waiting), rows_max):
        sync_batch = next(fresh)
        for record in waiting[start : start + rows_max]:
            assigned = _assignment(sync_batch)
            by_key[record.key] = ports.ledger.amend_mailbox(name, record.key, assigned)
    return list(by_key.values())


def _assignment(sync_batch: str) -> Callable[[MailboxRecord], MailboxRecord]:
    # Judged by the row as it stands at that instant: who was abandoned since it was listed has no password any more.
    return lambda stored: replace(stored, sync_batch=sync_batch) if _wants_sync(stored) else stored


def _is_taken(ports: Ports, candidate: str, taken: set[str]) -> bool:
    # A name whose mailboxes have all left it again still belongs to the batch that Exchange has. And one that nobody of
    # ours was given, but that Exchange has, was made by hand: a pilot, perhaps, that nobody may start or remove for it.
    if candidate in taken:
        return True
    head = ports.boards.head(board_of(candidate))
    is_known = head.created_utc is not None or bool(head.sent_for)
    return is_known or ports.exchange.find_sync_batch(candidate) is not None


def _create(ports: Ports, sync_batch: str, records: list[MailboxRecord]) -> bool:
    """One step nearer to a batch that runs: sent, started, or seen running; whether anything was asked of Exchange."""
    board = board_of(sync_batch)
    if ports.boards.head(board).created_utc is not None:
        return False
    found = ports.exchange.find_sync_batch(sync_batch)
    rows = [row for row in records if row.sync_batch == sync_batch]
    if found is None:
        _send(ports, sync_batch, rows)
        return True
    if _is_somebody_elses(ports, sync_batch, records):
        _give_up_name(ports, sync_batch, rows)
        return False
    # At rest although one of its mailboxes was seen in the sync: a person has stopped it, and is asked.
    if found.state in AT_REST and all(row.stage in UP_TO_COEXISTENCE for row in rows):
        ports.exchange.start_sync_batch(sync_batch)
        return True
    # Seen with its own eyes, not taken from the answer to the creation.
    now_utc = ports.clock.now_utc()
    ports.boards.amend_head(board, lambda head: replace(head, created_utc=now_utc))
    return False


def _send(ports: Ports, sync_batch: str, records: list[MailboxRecord]) -> None:
    """The CSV with its passwords exists in this call alone; who has none is left out, and hears it from `see_sync`."""
    logins = [(record, _login_of(ports, record)) for record in records]
    rows = [
        (record.address, login.user_name, login.password)
        for record, login in logins
        if login is not None
    ]
    if not rows:
        return
    batch = records[0].batch
    ports.boards.amend_head(
        board_of(sync_batch), lambda head: replace(head, sent_for=head.sent_for or batch)
    )
    try:
        ports.exchange.create_sync_batch(sync_batch, exchange_csv(rows))
    except Conflict:
        return  # an earlier attempt whose answer was lost, most often; the next look sees whose users it has


def _is_somebody_elses(ports: Ports, sync_batch: str, records: list[MailboxRecord]) -> bool:
    """Whether it was made by hand after its name was chosen: it lists users, and none is of our batch."""
    listed = {mailbox_key(user.address) for user in ports.exchange.sync_users(sync_batch)}
    return bool(listed) and listed.isdisjoint(record.key for record in records)


def _give_up_name(ports: Ports, sync_batch: str, records: list[MailboxRecord]) -> None:
    """The mark goes first: what has none is never removed, however early this ends. The next look takes another name."""
    batch = records[0].batch
    ports.boards.amend_head(
        board_of(sync_batch),
        lambda head: replace(head, sent_for="") if head.sent_for == batch else head,
    )
    for record in records:
        ports.ledger.amend_mailbox(
            record.batch, record.key, lambda stored: replace(stored, sync_batch="")
        )
        note(ports, record, "sync batch", sync_batch, "another migration batch has this name")


def _login_of(ports: Ports, record: MailboxRecord) -> Login | None:
    """How a source mailbox is opened; None when its password cannot be read: the others do not wait for it."""
    try:
        return login_of(ports, record)
    except Refusal as refusal:
        if refusal.code is not Code.SECRET_UNREADABLE:
            raise
        return None
