"""One address, one object: in the files, in the tenant, and among the mailboxes that are on their way."""

from collections.abc import Iterator

from bascule.domain.addresses import domain_of
from bascule.domain.directory_objects.drafts import Drafts
from bascule.domain.directory_objects.found import Kind
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.tables import CONTACTS, GROUPS, FileMistake, Row

PRIMARY = "PrimarySmtpAddress"
EXTERNAL = "ExternalEmailAddress"


def address_mistakes(drafts: Drafts, around: Surroundings) -> Iterator[FileMistake]:
    """Addresses that stand twice, that somebody else has, or that lie where they cannot."""
    first: dict[str, Row] = {}
    for address, row in (
        *((draft.value.address, draft.row) for draft in drafts.groups),
        *((draft.value.address, draft.row) for draft in drafts.mailboxes),
        *((draft.value.address, draft.row) for draft in drafts.contacts),
    ):
        name = EXTERNAL if row.file == CONTACTS else PRIMARY
        earlier = first.setdefault(address, row)
        if earlier is not row:
            what = f"is the address of line {earlier.line} of {earlier.file} too"
            yield row.wrong(name, what, "Remove one of the two")
        elif address == around.coexistence_group:
            what = "is the coexistence group of the plan, which belongs to the migration"
            yield row.wrong(name, what, "Take the row out")
        elif name == EXTERNAL:
            yield from _contact_mistakes(row, address, around)
        else:
            yield from _own_mistakes(row, address, around)


def _contact_mistakes(row: Row, address: str, around: Surroundings) -> Iterator[FileMistake]:
    kind = around.kind_of(address)
    if around.is_mailbox(address):
        what = "is the address of a mailbox, which this contact would shadow"
        yield row.wrong(EXTERNAL, what, "Take the row out: the mailbox is in the address book")
    elif kind not in (None, Kind.CONTACT):
        what = f"is the address of a {kind} of the tenant"
        yield row.wrong(EXTERNAL, what, "Write the person's address outside the tenant")


def _own_mistakes(row: Row, address: str, around: Surroundings) -> Iterator[FileMistake]:
    kind = around.kind_of(address)
    wanted = Kind.GROUP if row.file == GROUPS else Kind.SHARED_MAILBOX
    if address in around.coming:
        what = "is the address of a mailbox in a batch"
        yield row.wrong(PRIMARY, what, "Choose another address, or take the row out of the batch")
    elif kind not in (None, wanted):
        what = f"is the address of a {kind} of the tenant"
        yield row.wrong(PRIMARY, what, "Choose another address, or remove that object first")
    elif domain_of(address) not in around.domains:
        what = "is in no domain of the plan"
        yield row.wrong(PRIMARY, what, f"The plan has: {', '.join(sorted(around.domains))}")
