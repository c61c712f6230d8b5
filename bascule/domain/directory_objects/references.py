"""Everybody that a row names exists, or will: members, owners, trustees, and the objects themselves."""

from collections.abc import Iterator

from bascule.domain.directory_objects.drafts import Draft, Drafts, Membership
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.tables import CONTACTS, GROUPS, MAILBOXES, FileMistake, Row
from bascule.domain.directory_objects.values import Delegation, WantedGroup

# Exchange advises no more permission entries on one mailbox. Source: Microsoft Learn, Add-MailboxPermission.
DELEGATIONS_EACH_MAX = 500


def reference_mistakes(drafts: Drafts, around: Surroundings) -> Iterator[FileMistake]:
    """Names that lead nowhere, or to the wrong kind of object, and rows that stand twice."""
    names = _Names(drafts, around)
    for group in drafts.groups:
        yield from _owner_mistakes(group, names)
    seen: dict[tuple[str, ...], Row] = {}
    for membership in drafts.memberships:
        yield from _membership_mistakes(membership, names, seen)
    for delegation in drafts.delegations:
        yield from _delegation_mistakes(delegation, names, seen)
    yield from _crowds(drafts)


class _Names:
    """What an address in a row may mean."""

    def __init__(self, drafts: Drafts, around: Surroundings) -> None:
        self.around = around
        self.groups = frozenset(draft.value.address for draft in drafts.groups)
        self.mailboxes = frozenset(draft.value.address for draft in drafts.mailboxes)
        self.contacts = frozenset(draft.value.address for draft in drafts.contacts)

    def is_member(self, address: str) -> bool:
        """Whether it may stand in a group."""
        own = self.groups | self.mailboxes | self.contacts
        return self.is_untold(address) or address in own or self.around.may_be_member(address)

    def is_mailbox(self, address: str) -> bool:
        """Whether it is a mailbox, now or later."""
        if address in self.groups | self.contacts:
            return False
        return (
            self.is_untold(address) or address in self.mailboxes or self.around.is_mailbox(address)
        )

    def is_untold(self, address: str) -> bool:
        """Whether only the tenant could say, and it was not asked."""
        return self.around.roll is None and address not in self.around.coming


def _owner_mistakes(draft: Draft[WantedGroup], names: _Names) -> Iterator[FileMistake]:
    if not all(names.is_mailbox(owner) for owner in draft.value.owners):
        what = "names an owner who has no mailbox, neither in the tenant nor in a batch"
        yield draft.row.wrong("ManagedBy", what, "Name people with a mailbox")


def _membership_mistakes(
    draft: Draft[Membership], names: _Names, seen: dict[tuple[str, ...], Row]
) -> Iterator[FileMistake]:
    group, member, row = draft.value.group, draft.value.member, draft.row
    own = names.around.coexistence_group
    if own in (group, member):
        what = "is the coexistence group of the plan, which belongs to the migration"
        yield row.wrong("Group" if group == own else "Member", what, "Take the row out")
    elif group not in names.groups:
        yield row.wrong("Group", f"is no group of {GROUPS}", f"Add it to {GROUPS}")
    if member != own and not names.is_member(member):
        what = "is nobody: no recipient of the tenant, of these files or of a batch"
        todo = f"Correct it, or add it to {CONTACTS}, {MAILBOXES}, {GROUPS} or a batch"
        yield row.wrong("Member", what, todo)
    yield from _twice(row, "Member", (group, member), seen)


def _delegation_mistakes(
    draft: Draft[Delegation], names: _Names, seen: dict[tuple[str, ...], Row]
) -> Iterator[FileMistake]:
    given, row = draft.value, draft.row
    if given.mailbox not in names.mailboxes:
        what = f"is no shared mailbox of {MAILBOXES}"
        yield row.wrong("Mailbox", what, f"Add it to {MAILBOXES}")
    if given.trustee == given.mailbox:
        yield row.wrong("Trustee", "is the mailbox itself", "Name somebody else")
    elif not names.is_mailbox(given.trustee):
        what = "has no mailbox, neither in the tenant nor in a batch"
        yield row.wrong("Trustee", what, "Name a person with a mailbox")
    yield from _twice(row, "AccessRights", (given.mailbox, given.trustee, given.right), seen)


def _twice(
    row: Row, name: str, what: tuple[str, ...], seen: dict[tuple[str, ...], Row]
) -> Iterator[FileMistake]:
    earlier = seen.setdefault((row.file, *what), row)
    if earlier is not row:
        yield row.wrong(name, f"says what line {earlier.line} says", "Remove one of the two")


def _crowds(drafts: Drafts) -> Iterator[FileMistake]:
    counts: dict[str, int] = {}
    for draft in drafts.delegations:
        mailbox = draft.value.mailbox
        counts[mailbox] = counts.get(mailbox, 0) + 1
        if counts[mailbox] == DELEGATIONS_EACH_MAX + 1:
            what = (
                f"has more than {DELEGATIONS_EACH_MAX} delegations, which Exchange advises against"
            )
            yield draft.row.wrong("Mailbox", what, "Give the mailbox to fewer people")
