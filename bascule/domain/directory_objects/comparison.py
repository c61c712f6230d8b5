"""The tenant against the files: what to create, correct, add; what would have to go; who is waited for."""

from collections.abc import Iterable
from dataclasses import replace

from bascule.domain.directory_objects.changes import (
    Blocked,
    Change,
    Deed,
    Difference,
    Waiting,
)
from bascule.domain.directory_objects.found import (
    MAILBOXES,
    MEMBERS,
    FoundDirectory,
    FoundGroup,
    FoundMailbox,
    Kind,
)
from bascule.domain.directory_objects.naming import Names
from bascule.domain.directory_objects.values import (
    Delegation,
    Right,
    WantedContact,
    WantedDirectory,
    WantedGroup,
    WantedMailbox,
)

# Exchange's own entries: the mailbox itself, and accounts that no directory knows any more.
BUILT_IN = ("nt authority\\", "s-1-5-")
_ORDER = {deed: at for at, deed in enumerate(Deed)}


def compare(wanted: WantedDirectory, found: FoundDirectory) -> Difference:
    """Everything that separates the tenant from the files; nothing is decided here about removals."""
    comparison = _Comparison(wanted, found)
    for contact in wanted.contacts:
        comparison.contact(contact)
    for mailbox in wanted.mailboxes:
        comparison.mailbox(mailbox)
    for group in wanted.groups:
        comparison.group(group)
    return comparison.difference()


class _Comparison:
    """Collects what differs, object by object."""

    def __init__(self, wanted: WantedDirectory, found: FoundDirectory) -> None:
        self._roll = found.roll
        self._found = found
        self._groups = {address: group for group in found.groups for address in group.addresses}
        self._mailboxes = {a: mailbox for mailbox in found.mailboxes for a in mailbox.addresses}
        self._contacts = {contact.address: contact for contact in found.contacts}
        self._delegations: dict[str, list[Delegation]] = {}
        for delegation in wanted.delegations:
            self._delegations.setdefault(delegation.mailbox, []).append(delegation)
        addresses = (
            *(group.address for group in wanted.groups),
            *(mailbox.address for mailbox in wanted.mailboxes),
            *(contact.address for contact in wanted.contacts),
        )
        self._names = Names(addresses, found.roll)
        self._changes: list[Change] = []
        self._waiting: list[Waiting] = []
        self._blocked: list[Blocked] = []
        self._unseen_by_place: dict[str, set[str]] = {}

    def difference(self) -> Difference:
        """What was collected, in the order in which it can be done."""
        ordered = sorted(self._changes, key=lambda change: _ORDER[change.deed])
        return Difference(
            changes=tuple(change for change in ordered if not change.is_removal),
            removals=tuple(change for change in ordered if change.is_removal),
            waiting=tuple(self._waiting),
            blocked=tuple(self._blocked),
        )

    def contact(self, wanted: WantedContact) -> None:
        """Create a contact, or correct the name it shows."""
        there = self._contacts.get(wanted.address)
        if there is None:
            self._create(Deed.CREATE_CONTACT, wanted)
        elif there.display_name != wanted.display_name:
            self._correct(Deed.CORRECT_CONTACT, wanted, {"DisplayName": there.display_name})

    def mailbox(self, wanted: WantedMailbox) -> None:
        """Create a shared mailbox, or correct it and its rights."""
        there = self._mailboxes.get(wanted.address)
        if there is None:
            self._create(Deed.CREATE_MAILBOX, wanted)
            return
        shown = {
            "DisplayName": (there.display_name, wanted.display_name),
            "HiddenFromAddressListsEnabled": (there.is_hidden, wanted.is_hidden),
        }
        self._correct(Deed.CORRECT_MAILBOX, wanted, _differing(shown))
        self._rights(wanted.address, there)

    def group(self, wanted: WantedGroup) -> None:
        """Create a group with those who are there, or correct it, its owners and its members."""
        there = self._groups.get(wanted.address)
        owners = self._those_there(wanted.owners, wanted.address, MAILBOXES)
        members = self._those_there(wanted.members, wanted.address, MEMBERS)
        if there is not None:
            self._correct(Deed.CORRECT_GROUP, wanted, _group_fields(there, wanted))
            held = self._roll.addresses_of(there.owners)
            self._both((Deed.ADD_OWNER, Deed.REMOVE_OWNER), wanted.address, owners, held)
            held = self._found.members[there.guid]
            self._both((Deed.ADD_MEMBER, Deed.REMOVE_MEMBER), wanted.address, members, held)
        elif owners:
            self._create(
                Deed.CREATE_GROUP,
                replace(wanted, owners=tuple(sorted(owners)), members=tuple(sorted(members))),
            )

    def _those_there(
        self, addresses: Iterable[str], place: str, kinds: frozenset[Kind]
    ) -> frozenset[str]:
        """Primary addresses of those who exist; the others are noted as awaited."""
        there: set[str] = set()
        for address in addresses:
            found = self._roll.at(address)
            if found is None:
                self._waiting.append(Waiting(address, place))
                self._unseen_by_place.setdefault(place, set()).add(address)
            elif found.kind in kinds:
                there.add(found.address)
            else:
                why = f"{address} is a {found.kind} now, which cannot take this place"
                self._blocked.append(Blocked(place, why))
                self._unseen_by_place.setdefault(place, set()).update(found.addresses)
        return frozenset(there)

    def _both(
        self, deeds: tuple[Deed, Deed], address: str, wanted: frozenset[str], held: frozenset[str]
    ) -> None:
        add, remove = deeds
        for whom in sorted(wanted - held):
            self._changes.append(Change(add, address, whom, after=whom))
        for whom in sorted(held - wanted - self._unseen(address)):
            self._changes.append(Change(remove, address, whom, before=whom))

    def _unseen(self, address: str) -> frozenset[str]:
        """Who is wanted here and is in no list of recipients now: that is no reason to take their place away."""
        return frozenset(self._unseen_by_place.get(address, ()))

    def _rights(self, address: str, there: FoundMailbox) -> None:
        wanted: dict[tuple[str, str], bool] = {}
        for each in self._delegations.get(address, ()):
            for trustee in self._those_there((each.trustee,), address, MAILBOXES):
                wanted[trustee, each.right] = each.is_mapped
        held = self._held(there)
        for whom, right in sorted(wanted.keys() - held):
            is_mapped = wanted[whom, right]
            self._changes.append(Change(Deed.GRANT, address, whom, right, is_mapped, after=right))
        unseen = self._unseen(address)
        for whom, right in sorted(held - wanted.keys()):
            if whom in unseen:
                continue
            self._changes.append(Change(Deed.REVOKE, address, whom, right, before=right))

    def _held(self, there: FoundMailbox) -> set[tuple[str, str]]:
        given = [(each.trustee, each.right) for each in self._found.rights[there.guid]]
        given += [(each, Right.SEND_ON_BEHALF) for each in there.on_behalf]
        return {
            (whom, right)
            for shown, right in given
            if not shown.lower().startswith(BUILT_IN)
            for whom in self._roll.addresses_of([shown])
        }

    def _create(self, deed: Deed, wanted: WantedGroup | WantedMailbox | WantedContact) -> None:
        other = self._roll.at(wanted.address)
        if other is not None:
            why = f"the address belongs to a {other.kind} of the tenant"
            self._blocked.append(Blocked(wanted.address, why))
            return
        name = self._names.of(wanted.address)
        shown = wanted.display_name
        self._changes.append(Change(deed, wanted.address, name=name, after=shown, wanted=wanted))

    def _correct(
        self,
        deed: Deed,
        wanted: WantedGroup | WantedMailbox | WantedContact,
        before: dict[str, str],
    ) -> None:
        if before:
            was = ", ".join(f"{name}={text}" for name, text in before.items())
            names = ", ".join(before)
            self._changes.append(
                Change(deed, wanted.address, before=was, after=names, wanted=wanted)
            )


def _group_fields(there: FoundGroup, wanted: WantedGroup) -> dict[str, str]:
    return _differing(
        {
            "DisplayName": (there.display_name, wanted.display_name),
            "MemberJoinRestriction": (there.join_restriction, wanted.join_restriction),
            "MemberDepartRestriction": (there.depart_restriction, wanted.depart_restriction),
            "HiddenFromAddressListsEnabled": (there.is_hidden, wanted.is_hidden),
            "RequireSenderAuthenticationEnabled": (
                there.requires_sender_authentication,
                wanted.requires_sender_authentication,
            ),
        }
    )


def _differing(sides: dict[str, tuple[object, object]]) -> dict[str, str]:
    """{name: what it is} of those that are not what they should be."""
    return {name: str(is_now) for name, (is_now, should_be) in sides.items() if is_now != should_be}
