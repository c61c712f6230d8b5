"""Invariant 6: what the world must look like when a stage is recorded, whichever way the mailbox has come to it."""

from collections import Counter
from collections.abc import Callable, Mapping

from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from sandbox.simulate.excuses import SLACK, place_of
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.life import ALIAS_TROUBLE, DeedKind
from sandbox.world.mail import MailStore, fingerprint
from sandbox.world.trace import is_probe

Check = Callable[[Existence, MailboxRecord], None]


def is_true(life: Existence, record: MailboxRecord) -> None:
    """All that a stage says is so, unless somebody is just undoing it: a colleague, or its own rollback."""
    if record.rollback_began_utc is not None:
        return
    since_utc = life.clock.now_utc() - SLACK
    for check, meddling in TRUTHS.get(record.stage, ()):
        if not life.troubles.met(meddling, *place_of(life, record), since_utc):
            check(life, record)


def is_member_anywhere(life: Existence, address: str) -> bool:
    """Whether any transport server takes the address for a member of the group, old copies included."""
    groups = life.world.tenant.groups
    return any(
        groups.effective_member(guid, address, server)
        for guid in life.group_guids
        for server in range(life.weather.transport_server_count)
    )


def note_certified(life: Existence, step: str, subject: str, answer: str) -> None:
    """A whole certificate was made just now: what is proven later is what the source held at this moment."""
    if (step, answer) == ("certify", "Done"):
        life.certified_utc[subject] = life.clock.now_utc()


def _account_is_open(life: Existence, record: MailboxRecord) -> None:
    box = life.world.tenant.mailboxes.at_address(record.address)
    user = life.world.tenant.directory.truth(record.address)
    _require(box is not None, record, "no open mailbox at its address")
    _require(user is not None and bool(user.licences), record, "no licensed account")


def _is_member_until_cutover(life: Existence, record: MailboxRecord) -> None:
    # A sync that begins anew in the middle of a cutover comes by here without the group.
    if not record.has_begun_cutover:
        _is_member(life, record)


def _is_member(life: Existence, record: MailboxRecord) -> None:
    members = life.world.tenant.groups.members(life.names.group_address)
    addresses = {member.primary_address for member in members}
    _require(record.address in addresses, record, "not a member of the group")


def _is_copied_once(life: Existence, record: MailboxRecord) -> None:
    users = [u for u in life.world.tenant.migration.users() if u.address == record.address]
    is_copied = any(user.first_synced_utc is not None for user in users)
    _require(is_copied, record, "its first copy has not ended")


def _is_detached(life: Existence, record: MailboxRecord) -> None:
    is_member = is_member_anywhere(life, record.address)
    _require(not is_member, record, "a transport server still takes it for a member")


def _has_left(life: Existence, record: MailboxRecord) -> None:
    # Back here by a retry the row claims nothing of the group: it is looked at, and proven anew, before anything is turned.
    if record.left_group_utc is not None:
        _is_detached(life, record)


def _points_at_tenant(life: Existence, record: MailboxRecord) -> None:
    _points_at(life, record, life.world.naming.routing_address(record.address))
    _require(record.address not in life.bypassed, record, "another row leads straight home")


def _points_home(life: Existence, record: MailboxRecord) -> None:
    _points_at(life, record, life.world.naming.source_address(record.address))


def _points_at(life: Existence, record: MailboxRecord, wanted: str) -> None:
    rows = life.world.aliases.rows_of(record.address)
    _require(rows == [wanted], record, f"its alias is {rows}")


def _is_complete(life: Existence, record: MailboxRecord) -> None:
    missing_count = missing_in_cloud(life, record)
    what = f"{missing_count} messages of the source are not in the cloud"
    _require(missing_count == 0, record, what)


def missing_in_cloud(life: Existence, record: MailboxRecord) -> int:
    """How many messages of the certified source have no copy in the cloud; those over the limit left out."""
    source = life.world.source.at_address(record.address)
    cloud = life.world.tenant.mailboxes.at_address(record.address)
    until_utc = life.certified_utc.get(record.key)
    if source is None or cloud is None or until_utc is None:
        return 0 if source is None else len(list(source.store.walk()))
    limit_bytes = life.weather.migration_message_max_bytes
    old = Counter(
        fingerprint(message.raw)
        for _, message in source.store.walk()
        if len(message.raw) <= limit_bytes
        and message.internal_utc <= until_utc
        and not is_probe(message.raw)
    )
    return (old - _prints(cloud.store)).total()


def _prints(store: MailStore) -> Counter[str]:
    return Counter(fingerprint(message.raw) for _, message in store.walk())


def _require(is_so: bool, record: MailboxRecord, what: str) -> None:
    if not is_so:
        raise LifeBroken("6 no false green", f"{record.address} is {record.stage}, but {what}")


# What must be true at a stage, and what a colleague may be undoing between the proof and its record.
TRUTHS: Mapping[Stage, tuple[tuple[Check, tuple[DeedKind, ...]], ...]] = {
    Stage.PROVISIONED: ((_account_is_open, ()),),
    Stage.COEXISTING: ((_is_member_until_cutover, (DeedKind.GROUP_DELETED,)),),
    Stage.SYNCED: ((_is_copied_once, ()),),
    Stage.DETACHED: ((_has_left, ()),),
    Stage.REDIRECTED: ((_points_at_tenant, ALIAS_TROUBLE), (_is_detached, ())),
    Stage.PROVEN: ((_is_complete, ()),),
    Stage.ROLLED_BACK: ((_points_home, ALIAS_TROUBLE), (_is_member, (DeedKind.GROUP_DELETED,))),
}
