"""Stragglers: mail that was on its way to the cloud when its mailbox came home, and arrives there, where nobody reads.

Postfix may hold mail with the tenant's address for days, and a transport server may take the mailbox for moved. So the
cloud mailbox is looked through once an hour until neither can be, wherever the mailbox stands meanwhile: home again,
waiting for a second cutover, or about to be given up.
"""

from dataclasses import replace
from datetime import datetime

from bascule.domain.records import MailboxRecord
from bascule.domain.requests import HomeRequest, MailboxView
from bascule.domain.stragglers import LATE_SHOWN
from orchestrators.chapters import NEXT, Pause, ref_of, remember, seconds_since
from orchestrators.probes import clear_strays
from orchestrators.steps import PAUSE_MAX_S, Context, Story, bring_home


def fetch(
    context: Context, record: MailboxRecord, until_utc: datetime
) -> Story[MailboxRecord | Pause]:
    """Bring home what reached the cloud alone since the last look, and never look at that time again.

    A delta goes on copying, and what its owner deletes at the source afterwards stands in the cloud without a partner,
    as a straggler does; nothing that either side says of a message tells the two apart. What tells them apart is when
    it is looked at: a straggler has no partner as soon as it arrives, a copy only once its original was deleted. So each
    message is judged once, within a look of its arrival.
    """
    # Postfix may have held a probe back for days: it arrives among the user's mail.
    record = yield from clear_strays(context, record)
    looked_utc = context.current_utc_datetime
    from_utc = (record.home_looked_utc or record.stage_since_utc or looked_utc) - LATE_SHOWN
    facts = yield from bring_home(context, HomeRequest(ref_of(record), from_utc, until_utc))
    if facts.remaining_count:
        return Pause(0.0, f"{facts.remaining_count} messages to come home")
    # Whatever was begun is at its end: half a move would be copied again by the sync.
    looked = replace(
        record,
        home_looked_utc=looked_utc,
        home_watched_until_utc=until_utc,
        strays_cleared_count=0,
    )
    return (yield from remember(context, looked))


def look(context: Context, record: MailboxRecord) -> Story[Pause]:
    """One look at a stage beyond ROLLED_BACK, or on the way out; when it is made, the row says when the next is due."""
    until_utc = record.home_watched_until_utc or context.current_utc_datetime
    fetched = yield from fetch(context, record, until_utc)
    return fetched if isinstance(fetched, Pause) else NEXT


def next_look_s(context: Context, view: MailboxView) -> float:
    """Seconds until stragglers are to be looked for, not above 0 when they are now; a day when none can come any more."""
    if view.straggler_look_utc is None:
        return PAUSE_MAX_S
    return -seconds_since(context, view.straggler_look_utc)
