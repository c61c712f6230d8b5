"""Looking at the tenant as a whole: a few calls for the lists, then only those groups that seem to differ."""

from bascule.domain.addresses import normal_address
from bascule.domain.directory_objects.changes import Difference
from bascule.domain.directory_objects.comparison import compare
from bascule.domain.directory_objects.found import FoundDirectory, Roll
from bascule.domain.directory_objects.screening import agreeing_members
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import LIFE, Stage
from bascule.ports.bundle import Ports

PROVISIONED = frozenset(LIFE[LIFE.index(Stage.PROVISIONED) :])


def surroundings(ports: Ports) -> Surroundings:
    """What files are checked against: the tenant's recipients, the batches, the plan."""
    tenant = ports.plan.tenant
    return Surroundings(
        domains=frozenset((*tenant.domains, tenant.routing_domain)),
        coexistence_group=normal_address(tenant.coexistence_group),
        coming=frozenset(
            record.address for record in _mailboxes(ports) if record.stage is not Stage.ABANDONED
        ),
        roll=Roll(ports.recipients.everyone()),
    )


def arrived(ports: Ports, awaited: frozenset[str]) -> bool:
    """Whether the mailbox of somebody who is awaited has been provisioned, as the ledger says."""
    return bool(awaited) and any(
        record.address in awaited and record.proven_stage in PROVISIONED
        for record in _mailboxes(ports)
    )


def difference_of(ports: Ports, wanted: WantedDirectory) -> Difference:
    """What separates the tenant from the files now. Reads only."""
    return compare(wanted, _found(ports, wanted))


def _found(ports: Ports, wanted: WantedDirectory) -> FoundDirectory:
    port = ports.recipients
    roll = Roll(port.everyone())
    groups = port.groups() if wanted.groups else ()
    shared = port.shared_mailboxes() if wanted.mailboxes else ()
    addresses = {mailbox.address for mailbox in wanted.mailboxes}
    ours = [mailbox.guid for mailbox in shared if addresses & set(mailbox.addresses)]
    listed = port.listed_members() if groups else {}
    agreeing, doubtful = agreeing_members(wanted.groups, groups, roll, listed)
    return FoundDirectory(
        roll=roll,
        groups=groups,
        members={**agreeing, **(port.members_of(doubtful) if doubtful else {})},
        mailboxes=shared,
        rights=port.rights_on(ours) if ours else {},
        contacts=port.contacts() if wanted.contacts else (),
    )


def _mailboxes(ports: Ports) -> "list[MailboxRecord]":
    return [
        record
        for batch in ports.ledger.batches()
        if batch.closed_utc is None
        for record in ports.ledger.mailboxes(batch.name)
    ]
