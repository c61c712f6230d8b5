"""Until when, and how often, a mailbox that came home is looked after: mail sent to the cloud before may arrive there yet."""

from datetime import datetime, timedelta

from bascule.domain.records import MailboxRecord

HOME_LOOK = timedelta(hours=1)
"""Within it a user may read a message at the source and delete it, while a delta copies it: it would come home once more.
So it is short; a look without new mail costs one listing."""

LATE_SHOWN = timedelta(minutes=15)
"""What arrives during a look may be listed by the next one only, and the clocks of two services differ."""


def unseen_since_utc(record: MailboxRecord) -> datetime | None:
    """Since when stragglers may lie in the cloud unseen; None when the last look came after all of them."""
    looked_utc, until_utc = record.home_looked_utc, record.home_watched_until_utc
    if looked_utc is None or until_utc is None or looked_utc >= until_utc:
        return None
    return looked_utc - LATE_SHOWN


def next_look_utc(record: MailboxRecord) -> datetime | None:
    """When stragglers are to be looked for again; None when no look is owed."""
    if record.home_looked_utc is None or unseen_since_utc(record) is None:
        return None
    return None if record.has_begun_cutover else record.home_looked_utc + HOME_LOOK
