"""What every tenant's recipients must do: the adapter on its wire, and the simulated tenant itself. About 6 s."""

from collections.abc import Iterator

import pytest

from bascule.domain.directory_objects.found import FoundGroup, HeldRight, Kind, Roll
from bascule.domain.directory_objects.values import (
    Right,
    WantedContact,
    WantedGroup,
    WantedMailbox,
)
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.ports.recipients import Recipients
from tests.contracts.recipient_doors import open_mailbox, recipients
from tests.contracts.tenant_doors import DOORS, LOST, THROTTLED, Tenant, tenant

ANN, BOB, NOBODY = "ann@example.org", "bob@example.org", "nobody@example.org"
ALL, INFO, PARTNER = "all@example.org", "info@example.org", "eve@partner.example"
GROUP = WantedGroup(ALL, "Everybody", (ANN,), (ANN,))


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant in which Ann and Bob have mailboxes."""
    found = tenant()
    for address in (ANN, BOB):
        open_mailbox(found.world, address)
    return found


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[Recipients]:
    """The port, through each door."""
    with recipients(request.param, school) as found:
        yield found


def group_at(door: Recipients, school: Tenant, address: str) -> FoundGroup:
    """A group, once everybody has heard of it."""
    school.pass_time(minutes=10)
    return next(group for group in door.groups() if address in group.addresses)


def members_at(door: Recipients, school: Tenant, address: str) -> frozenset[str]:
    """The members of a group from Exchange."""
    guid = group_at(door, school, address).guid
    return door.members_of([guid])[guid]


def test_everybody_is_listed_with_kind_and_addresses(door: Recipients, school: Tenant) -> None:
    """A file is judged by this list: whoever is missing in it is called nobody."""
    door.create_group(GROUP, "all")
    door.create_shared_mailbox(WantedMailbox(INFO, "Info"), "info")
    door.create_contact(WantedContact(PARTNER, "Eve"), "eve")
    school.pass_time(minutes=10)
    roll = Roll(door.everyone())

    kinds = {
        address: found.kind for address in (ANN, ALL, INFO, PARTNER) if (found := roll.at(address))
    }
    assert kinds == {
        ANN: Kind.MAILBOX,
        ALL: Kind.GROUP,
        INFO: Kind.SHARED_MAILBOX,
        PARTNER: Kind.CONTACT,
    }
    assert roll.at(school.world.naming.routing_address(ANN)) == roll.at(ANN)
    assert "" not in {each.directory_id for each in map(roll.at, kinds) if each}


def test_a_group_is_created_as_it_is_wanted_and_twice_is_once(
    door: Recipients, school: Tenant
) -> None:
    """A step is repeated after a lost answer; two groups of one purpose split the members."""
    door.create_group(GROUP, "all")
    door.create_group(GROUP, "all")
    found = group_at(door, school, ALL)

    assert (found.display_name, found.join_restriction) == ("Everybody", "Closed")
    assert (found.is_hidden, found.requires_sender_authentication) == (False, True)
    assert Roll(door.everyone()).addresses_of(found.owners) == {ANN}
    assert members_at(door, school, ALL) == {ANN}
    assert sum(ALL in group.addresses for group in door.groups()) == 1


def test_a_name_that_somebody_else_has_is_refused(door: Recipients) -> None:
    """Taken for ours, the other group would be filled with our members."""
    door.create_group(GROUP, "all")

    with pytest.raises(Refusal):
        door.create_group(WantedGroup("other@example.org", "Other", (ANN,)), "all")


def test_a_group_with_a_stranger_is_not_made_at_all(door: Recipients) -> None:
    """A group made without its members would look finished."""
    with pytest.raises(NotYet):
        door.create_group(WantedGroup(ALL, "Everybody", (ANN,), (NOBODY,)), "all")

    assert not any(ALL in group.addresses for group in door.groups())


def test_settings_are_corrected_and_people_left_alone(door: Recipients, school: Tenant) -> None:
    """A corrected name that empties the group would be found by the members, mail by mail."""
    door.create_group(GROUP, "all")
    door.correct_group(
        WantedGroup(
            ALL,
            "All of us",
            (),
            (),
            "Open",
            "Open",
            is_hidden=True,
            requires_sender_authentication=False,
        )
    )
    found = group_at(door, school, ALL)

    assert (found.display_name, found.join_restriction) == ("All of us", "Open")
    assert (found.is_hidden, found.requires_sender_authentication) == (True, False)
    assert Roll(door.everyone()).addresses_of(found.owners) == {ANN}
    assert members_at(door, school, ALL) == {ANN}


def test_owners_and_members_come_and_go_one_by_one(door: Recipients, school: Tenant) -> None:
    """A list that is replaced takes those along whom somebody added by hand."""
    door.create_group(GROUP, "all")
    for _ in range(2):
        door.add_owner(ALL, BOB)
        door.add_member(ALL, BOB)
    assert Roll(door.everyone()).addresses_of(group_at(door, school, ALL).owners) == {ANN, BOB}
    assert members_at(door, school, ALL) == {ANN, BOB}

    for _ in range(2):
        door.remove_owner(ALL, ANN)
        door.remove_member(ALL, ANN)
    assert Roll(door.everyone()).addresses_of(group_at(door, school, ALL).owners) == {BOB}
    assert members_at(door, school, ALL) == {BOB}


def test_the_list_of_all_members_agrees_also_on_large_groups(
    door: Recipients, school: Tenant
) -> None:
    """The directory shows twenty members and never says that there are more."""
    people = [f"p{number}@example.org" for number in range(45)]
    for person in people:
        open_mailbox(school.world, person)
    door.create_group(WantedGroup(ALL, "Everybody", (ANN,), tuple(people)), "all")
    door.create_group(WantedGroup("few@example.org", "Few", (ANN,), (BOB, ALL)), "few")
    large, small = group_at(door, school, ALL), group_at(door, school, "few@example.org")
    listed, roll = door.listed_members(), Roll(door.everyone())

    everybody = {found.directory_id for person in people if (found := roll.at(person))}
    assert listed[large.directory_id] == everybody
    assert len(listed[small.directory_id]) == 2
    assert door.members_of([large.guid, small.guid])[small.guid] == {BOB, ALL}


def test_groups_of_more_than_a_page_are_listed_whole(door: Recipients, school: Tenant) -> None:
    """The thousandth member would be added at every look, or removed."""
    groups = school.world.tenant.groups
    door.create_group(GROUP, "all")
    for number in range(1_100):
        address = f"p{number}@example.org"
        open_mailbox(school.world, address)
        groups.add_member(ALL, address)
    found = group_at(door, school, ALL)

    assert len(door.listed_members()[found.directory_id]) == 1_101
    assert len(door.members_of([found.guid])[found.guid]) == 1_101


def test_members_of_a_group_that_is_gone_are_never_none(door: Recipients) -> None:
    """Read as empty, everybody would be added again to a group that does not exist."""
    with pytest.raises(NotYet):
        door.members_of(["00000000-0000-0000-0000-000000000000"])
    with pytest.raises(ValueError, match="every object"):
        door.members_of([" "])


@pytest.mark.parametrize("right", Right)
def test_a_right_is_given_shown_and_taken_back(
    door: Recipients, school: Tenant, right: Right
) -> None:
    """Twice is once; the mailbox's rights on itself are nobody's business."""
    door.create_shared_mailbox(WantedMailbox(INFO, "Info"), "info")
    for _ in range(2):
        door.grant(INFO, BOB, right, is_mapped=False)
    assert held(door) == {(BOB, right)}

    for _ in range(2):
        door.revoke(INFO, BOB, right)
    assert held(door) == set()


def held(door: Recipients) -> set[tuple[str, Right]]:
    """Who holds what on the shared mailbox."""
    roll = Roll(door.everyone())
    info = next(mailbox for mailbox in door.shared_mailboxes() if INFO in mailbox.addresses)
    given = [
        each
        for each in door.rights_on([info.guid])[info.guid]
        if "self" not in each.trustee.lower()
    ]
    given += [HeldRight(each, Right.SEND_ON_BEHALF) for each in info.on_behalf]
    return {
        (address, each.right) for each in given for address in roll.addresses_of([each.trustee])
    }


def test_shared_mailboxes_and_contacts_are_made_once_and_corrected(
    door: Recipients, school: Tenant
) -> None:
    """The names are what people see in the address book."""
    for _ in range(2):
        door.create_shared_mailbox(WantedMailbox(INFO, "Info"), "info")
        door.create_contact(WantedContact(PARTNER, "Eve"), "eve")
    door.correct_shared_mailbox(WantedMailbox(INFO, "Accueil", is_hidden=True))
    door.correct_contact(WantedContact(PARTNER, "Eve P."))
    school.pass_time(minutes=10)

    [info] = [mailbox for mailbox in door.shared_mailboxes() if INFO in mailbox.addresses]
    [eve] = door.contacts()
    assert (info.display_name, info.is_hidden) == ("Accueil", True)
    assert (eve.address, eve.display_name) == (PARTNER, "Eve P.")


def test_somebody_who_is_not_there_yet_is_asked_for_later(door: Recipients) -> None:
    """A mailbox reaches the servers one after the other."""
    door.create_group(GROUP, "all")
    door.create_shared_mailbox(WantedMailbox(INFO, "Info"), "info")

    with pytest.raises(NotYet):
        door.add_member(ALL, NOBODY)
    with pytest.raises(NotYet):
        door.grant(INFO, NOBODY, Right.FULL_ACCESS, is_mapped=True)
    door.remove_member(ALL, NOBODY)


def test_patience_and_lost_answers_are_told_apart(door: Recipients, school: Tenant) -> None:
    """One becomes a timer; after the other the effect may be there, and the same call must be harmless."""
    school.fails_once("exchange.New-DistributionGroup", THROTTLED)
    with pytest.raises(Throttled):
        door.create_group(GROUP, "all")
    school.fails_once("exchange.New-DistributionGroup", LOST)
    with pytest.raises(Unreachable):
        door.create_group(GROUP, "all")
    door.create_group(GROUP, "all")

    assert members_at(door, school, ALL) == {ANN}


def test_a_batch_of_calls_fails_whole_when_one_is_throttled(
    door: Recipients, school: Tenant
) -> None:
    """Half an answer taken for a whole one would make half of the groups look empty."""
    door.create_group(GROUP, "all")
    guid = group_at(door, school, ALL).guid
    school.fails_once("exchange.Get-DistributionGroupMember", THROTTLED)

    with pytest.raises(Throttled):
        door.members_of([guid])
