"""The board of one sync batch: every user's state, read from Exchange once for all of them."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from activities.single_flight import refreshed
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import decode, encode
from bascule.domain.errors import Throttled, Unreachable
from bascule.domain.records import BoardHead, MailboxRecord
from bascule.domain.sync import SyncUser
from bascule.ports.bundle import Ports


def sync_batch_names(batch: str) -> Iterator[str]:
    """The names that a batch gives to its sync batches, in the order in which they are taken."""
    return itertools.chain((batch,), (f"{batch}-s{number}" for number in itertools.count(1)))


def board_of(sync_batch: str) -> str:
    """The name of a sync batch's board."""
    return f"sync-{sync_batch}"


def running_board_of(sync_batch: str, slot: int) -> str:
    """The name of the board of those whose delta ran when one was asked for; the head names the slot in force.

    Two take turns: entries change one after the other, and the head must never stand over half of them.
    """
    return f"sync-{sync_batch}-running-{slot}"


def young_board(ports: Ports, sync_batch: str, not_before_utc: datetime | None = None) -> BoardHead:
    """The head of the board, read not earlier than asked, nor older than the plan allows. Raises NotYet."""
    oldest_utc = ports.clock.now_utc() - timedelta(seconds=ports.plan.sync.board_age_s)
    wanted_utc = max(oldest_utc, not_before_utc) if not_before_utc else oldest_utc
    return refreshed(
        ports, board_of(sync_batch), wanted_utc, lambda: read_entries(ports, sync_batch)
    )


def read_entries(ports: Ports, sync_batch: str) -> dict[str, str]:
    """Every user of the sync batch as Exchange shows it now, {mailbox key: JSON text}."""
    return {
        mailbox_key(user.address): json.dumps(encode(user), separators=(",", ":"))
        for user in ports.exchange.sync_users(sync_batch)
    }


def user_on_board(ports: Ports, sync_batch: str, key: str) -> SyncUser | None:
    """One user as the board shows it; None when it was not in the sync batch at the last reading."""
    text = ports.boards.entry(board_of(sync_batch), key)
    return None if text is None else user_of(text)


def user_of(text: str) -> SyncUser:
    """One user from its entry."""
    return decode(SyncUser, json.loads(text))


def is_late(ports: Ports, record: MailboxRecord, age_max: timedelta) -> bool:
    """Whether the last complete sync of a mailbox is older than that, or there was none.

    Its row may be behind by a look of its story: the service is asked, once for everybody, before anybody is called late.
    While it cannot be asked, the row counts. Raises NotYet while somebody else asks.
    """
    oldest_utc = ports.clock.now_utc() - age_max
    if record.last_synced_utc is not None and record.last_synced_utc >= oldest_utc:
        return False
    try:
        young_board(ports, record.sync_batch)
    except (Throttled, Unreachable):
        return True
    user = user_on_board(ports, record.sync_batch, record.key)
    shown_utc = user.last_success_utc if user else None
    return shown_utc is None or shown_utc < oldest_utc
