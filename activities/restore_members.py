"""Put mailboxes that are not migrated back into a coexistence group that was made anew."""

from collections.abc import Iterator
from itertools import islice

from activities.subject import note, record_of
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import MemberPage, MembersRestored
from bascule.ports.bundle import Ports

REPLICATION_WAIT_S = 60.0
# Where a mailbox is a member, if its cutover has not begun. Those on their way there join by themselves.
MEMBER_STAGES = frozenset({Stage.COEXISTING, Stage.SYNCING, Stage.SYNCED, Stage.ROLLED_BACK})


def restore_members(ports: Ports, page: MemberPage) -> MembersRestored:
    """Of the next mailboxes in the ledger, those that belong into the group and are not in it; members stay as they are.

    Who was given up after joining belongs there too, for as long as the coexistence lasts: what colleagues send would
    come to rest in the cloud mailbox, which stays.

    Raises:
        NotYet: the group that was just made is not known everywhere.
    """
    refs = tuple(islice(_behind(ports, page), page.count_max))
    try:
        missing = _missing(ports, refs)
        joined_count = sum(_join(ports, record) for record in missing)
    except Refusal as no:
        if no.code is Code.GROUP_MISSING:
            raise NotYet(REPLICATION_WAIT_S, no.detail) from no
        raise
    if len(refs) < page.count_max:
        return MembersRestored(joined_count, "", "")
    return MembersRestored(joined_count, refs[-1].batch, refs[-1].key)


def _join(ports: Ports, record: MailboxRecord) -> bool:
    try:
        ports.exchange.join_coexistence(record.address)
    except NotYet:
        if record.stage is not Stage.ABANDONED:
            raise
        return False  # given up long ago, and its account is gone since
    note(ports, record, "coexistence", "", "member again")
    return True


def _behind(ports: Ports, page: MemberPage) -> Iterator[MailboxRef]:
    for batch in ports.ledger.batches():
        if batch.name < page.after_batch:
            continue
        after = page.after_key if batch.name == page.after_batch else ""
        for key in ports.ledger.mailbox_keys(batch.name, after, page.count_max):
            yield MailboxRef(batch.name, key)


def _missing(ports: Ports, refs: tuple[MailboxRef, ...]) -> list[MailboxRecord]:
    belonging = [
        record
        for record in (record_of(ports, ref) for ref in refs)
        if _belongs(record) and not _lives_in_another_batch(ports, record)
    ]
    members = ports.exchange.coexistence_members() if belonging else frozenset()
    return [record for record in belonging if record.address not in members]


def _belongs(record: MailboxRecord) -> bool:
    if record.stage is Stage.ABANDONED:
        return record.joined_group_utc is not None
    return (
        record.proven_stage in MEMBER_STAGES
        and not record.has_begun_cutover
        and record.rollback_began_utc is None
        and record.closed_utc is None
    )


def _lives_in_another_batch(ports: Ports, record: MailboxRecord) -> bool:
    """Whether a mailbox that was given up was uploaded again: then that row says where it belongs."""
    if record.stage is not Stage.ABANDONED:
        return False
    others = (batch.name for batch in ports.ledger.batches() if batch.name != record.batch)
    rows = (ports.ledger.find_mailbox(name, record.key) for name in others)
    return any(row is not None and row.stage is not Stage.ABANDONED for row in rows)
