"""Readiness of the mailboxes that are being filled: does Exchange move mail out of them meanwhile?"""

from collections.abc import Iterator
from itertools import islice

from bascule.domain.readiness import Check, green, red, unknown
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import LIFE, Stage
from bascule.domain.sync import CloudMailbox, MailboxRetention
from bascule.ports.bundle import Ports

NAME = "retention"
# Each is one call of about a second, and the list has a minute and a half. Policies are given to whole cohorts.
SAMPLE_COUNT_MAX = 20
SAMPLE_PER_BATCH = 10
SHOWN_MAX = 5
# What every mailbox gets: it moves old mail into the archive, which does nothing where there is none.
# Source: Microsoft Learn, "Retention tags and retention policies in Exchange Online".
DEFAULT_POLICY = "Default MRM Policy"
# There is a mailbox, and mail is still copied into it.
BEING_FILLED = frozenset(LIFE[LIFE.index(Stage.PROVISIONED) : LIFE.index(Stage.MIGRATED)])


def retention(ports: Ports) -> Iterator[Check]:
    """Would a policy move mail into an archive while it is copied? Looks at some mailboxes of each open batch."""
    looked = list(_looked_at(ports))
    moving = [f"{each.address} ({told.policy})" for each, told in looked if _moves(told)]
    doubtful = sorted({told.policy for _, told in looked if _is_doubtful(told)})
    if moving:
        yield red(NAME, f"{_shown(moving)}: mail may move into the archive while it is copied")
    elif doubtful:
        yield unknown(
            NAME, f"what these policies do may not be read by the app: {_shown(doubtful)}"
        )
    elif looked:
        yield green(NAME, f"{len(looked)} mailboxes looked at: no policy moves mail to an archive")
    else:
        yield unknown(NAME, "no mailbox is being filled yet; look again with the first batch")


def _looked_at(ports: Ports) -> Iterator[tuple[CloudMailbox, MailboxRetention]]:
    for record in islice(_sample(ports), SAMPLE_COUNT_MAX):
        mailbox = ports.exchange.find_mailbox(record.address)
        if mailbox is not None and mailbox.retention is not None:
            yield mailbox, mailbox.retention


def _sample(ports: Ports) -> Iterator[MailboxRecord]:
    for batch in ports.ledger.batches():
        if batch.is_open and batch.closed_utc is None:
            filled = (
                record
                for record in ports.ledger.mailboxes(batch.name)
                if record.proven_stage in BEING_FILLED and not record.is_final
            )
            yield from islice(filled, SAMPLE_PER_BATCH)


def _moves(told: MailboxRetention) -> bool:
    return told.has_archive and bool(told.policy) and not told.is_suspended


def _is_doubtful(told: MailboxRetention) -> bool:
    return told.policy not in ("", DEFAULT_POLICY) and not told.is_suspended


def _shown(names: list[str]) -> str:
    more = len(names) - SHOWN_MAX
    return "; ".join(names[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
