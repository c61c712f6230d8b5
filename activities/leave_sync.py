"""Take one mailbox that is abandoned out of its sync batch."""

from dataclasses import replace
from datetime import datetime

from activities.subject import note, record_of
from activities.sync_boards import board_of
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.sync import SyncState, SyncUser
from bascule.ports.bundle import Ports


def leave_sync(ports: Ports, ref: MailboxRef) -> bool:
    """Copied mail stays. In none, gone already, or in a migration batch of somebody else, who keeps it, is success.

    From here on the wish to abandon is taken back no more.

    Raises:
        Conflict: it was taken back before anything was done.
    """
    now_utc = ports.clock.now_utc()
    ports.ledger.amend_mailbox(ref.batch, ref.key, lambda stored: _begun(stored, now_utc))
    record = record_of(ports, ref)
    _take_out(ports, record, _held(ports, record))
    return True


def leave_for_supplement(ports: Ports, ref: MailboxRef) -> None:
    """Whoever goes on leaves, so that another sync batch of ours can take it.

    Raises:
        Refusal(SYNC_IN_OTHER_BATCH): a migration batch of somebody else, which is named, has it and would keep it.
    """
    record = record_of(ports, ref)
    user = _held(ports, record)
    if user is None or user.state is SyncState.LEAVING or _is_ours(ports, record, user):
        _take_out(ports, record, user)
        return
    detail = f"the migration batch {user.sync_batch} has {record.address}"
    raise Refusal(Code.SYNC_IN_OTHER_BATCH, detail)


def _held(ports: Ports, record: MailboxRecord) -> SyncUser | None:
    return ports.exchange.find_sync_user(record.address) if record.sync_batch else None


def _take_out(ports: Ports, record: MailboxRecord, user: SyncUser | None) -> None:
    if not record.sync_batch:
        return
    after = ""
    if user is not None and _is_ours(ports, record, user):
        ports.exchange.remove_sync_user(record.address)
    elif user is not None:
        after = f"stays in the migration batch {user.sync_batch}"
    ports.ledger.amend_mailbox(
        record.batch,
        record.key,
        lambda stored: replace(stored, sync_batch="", unlisted_since_utc=None),
    )
    note(ports, record, "sync batch", record.sync_batch, after)


def _is_ours(ports: Ports, record: MailboxRecord, user: SyncUser) -> bool:
    """Whether the migration batch that has it is the one of its row, or another that was sent for its batch."""
    name = user.sync_batch.lower()
    return name == record.sync_batch or ports.boards.head(board_of(name)).sent_for == record.batch


def _begun(stored: MailboxRecord, now_utc: datetime) -> MailboxRecord:
    if stored.abandon_began_utc is not None:
        return stored
    if stored.wish is not Wish.ABANDON:
        raise Conflict(f"{stored.batch}/{stored.key}: the wish to abandon it was taken back")
    return replace(stored, abandon_began_utc=now_utc)
