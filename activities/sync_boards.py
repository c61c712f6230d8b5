"""The board of one sync batch: every user's state, read from Exchange once for all of them."""

import json
from datetime import datetime, timedelta

from activities.single_flight import refreshed
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import decode, encode
from bascule.domain.records import BoardHead
from bascule.domain.sync import SyncUser
from bascule.ports.bundle import Ports


def board_of(sync_batch: str) -> str:
    """The name of a sync batch's board."""
    return f"sync-{sync_batch}"


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
    return None if text is None else decode(SyncUser, json.loads(text))
