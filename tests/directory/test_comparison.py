"""The tenant against the files, by value: what to do, what would have to go, who is waited for, what is in the way."""

from collections.abc import Mapping

import pytest

from bascule.domain.directory_objects.changes import Change, Deed, Difference
from bascule.domain.directory_objects.comparison import compare
from bascule.domain.directory_objects.found import (
    FoundContact,
    FoundDirectory,
    FoundGroup,
    FoundMailbox,
    HeldRight,
    Kind,
    Recipient,
    Roll,
)
from bascule.domain.directory_objects.screening import agreeing_members
from bascule.domain.directory_objects.values import (
    Delegation,
    Right,
    WantedContact,
    WantedDirectory,
    WantedGroup,
    WantedMailbox,
)
from tests.directory.samples import ALL, ANN, BOB, EVE, INFO, recipient

PEOPLE = (recipient(ANN), recipient(BOB), recipient(EVE, Kind.CONTACT))
GROUP = recipient(ALL, Kind.GROUP)
SHARED = recipient(INFO, Kind.SHARED_MAILBOX)
WANTED = WantedGroup(ALL, "Everybody", (ANN,), (BOB,))
SELF = "NT AUTHORITY\\SELF"


def group(owners: tuple[str, ...] = ("n-ann",), **settings: object) -> FoundGroup:
    """The group as Exchange shows it: owners by name."""
    usual: dict[str, object] = {
        "guid": "g-all",
        "directory_id": "d-all",
        "addresses": (ALL,),
        "display_name": "Everybody",
        "owners": owners,
        "join_restriction": "Closed",
        "depart_restriction": "Closed",
        "is_hidden": False,
        "requires_sender_authentication": True,
    }
    return FoundGroup(**(usual | settings))  # type: ignore[arg-type]


def against(
    wanted: WantedGroup,
    *people: Recipient,
    found: FoundGroup | None = None,
    members: tuple[str, ...] = (),
) -> Difference:
    """One wanted group against a tenant with these people, and the group if there is one."""
    groups = (found,) if found else ()
    roll = Roll((*people, *((GROUP,) if found else ())))
    return compare(
        WantedDirectory(groups=(wanted,)),
        FoundDirectory(roll, groups, {"g-all": frozenset(members)}),
    )


def told(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    """What is done, and with whom."""
    return [(change.deed.value, change.whom) for change in changes]


def test_a_group_that_agrees_asks_for_nothing() -> None:
    """Owners are shown by name: taken for strangers, they would be added and removed at every look."""
    assert against(WANTED, *PEOPLE, found=group(), members=(BOB,)) == Difference()


@pytest.mark.parametrize(
    "shown", ["n-ann", "G-ANN", "d-ann", "ann", ANN, "example.org/Users/n-ann", f" {ANN.upper()} "]
)
def test_an_owner_is_known_in_every_form_that_exchange_shows(shown: str) -> None:
    """The form changed over the years, and differs between cmdlets."""
    assert against(WANTED, *PEOPLE, found=group((shown,)), members=(BOB,)) == Difference()


def test_two_namesakes_are_nobody() -> None:
    """Meant is one of them, and a guess gives somebody else's group away."""
    twin = Recipient("g-2", "d-2", "n-ann", "ann2", ("ann2@example.org",), Kind.MAILBOX)
    difference = against(WANTED, *PEOPLE, twin, found=group(("n-ann",)), members=(BOB,))

    assert told(difference.changes) == [("add owner", ANN)]
    assert told(difference.removals) == [("remove owner", "n-ann")]


def test_additions_are_done_and_removals_only_shown() -> None:
    """Whoever stands in the group and not in the file was put there by somebody."""
    difference = against(WANTED, *PEOPLE, found=group(("n-bob",)), members=(EVE,))

    assert told(difference.changes) == [("add owner", ANN), ("add member", BOB)]
    assert told(difference.removals) == [("remove owner", BOB), ("remove member", EVE)]
    assert all(change.is_removal for change in difference.removals)


def test_who_is_missing_in_the_list_of_recipients_keeps_their_place() -> None:
    """A list that lags would show half of the staff as removals, and an agreed number would take them."""
    difference = against(WANTED, PEOPLE[0], found=group(), members=(BOB,))

    assert difference.removals == ()
    assert [each.address for each in difference.waiting] == [BOB]


def test_who_became_something_else_is_named_and_left_in_place() -> None:
    """Somebody turned the mailbox into another kind of object; what that means is for a person to say."""
    difference = against(
        WANTED, PEOPLE[0], recipient(BOB, Kind.OTHER), found=group(), members=(BOB,)
    )

    assert difference.removals == ()
    assert BOB in difference.blocked[0].why


def test_settings_are_corrected_together_and_told_one_by_one() -> None:
    """One call corrects them; the journal has to say from what."""
    found = group(display_name="Old", is_hidden=True)
    [change] = against(WANTED, *PEOPLE, found=found, members=(BOB,)).changes

    assert change.deed is Deed.CORRECT_GROUP
    assert change.before == "DisplayName=Old, HiddenFromAddressListsEnabled=True"
    assert change.wanted == WANTED


def test_a_new_group_takes_those_along_who_are_there() -> None:
    """The others come when their mailbox has arrived."""
    wanted = WantedGroup(ALL, "Everybody", (ANN, "late@example.org"), (BOB, "later@example.org"))
    difference = against(wanted, *PEOPLE)
    [change] = difference.changes

    assert change.deed is Deed.CREATE_GROUP
    assert change.wanted == WantedGroup(ALL, "Everybody", (ANN,), (BOB,))
    assert [each.address for each in difference.waiting] == [
        "late@example.org",
        "later@example.org",
    ]


def test_a_group_without_an_owner_who_is_there_waits() -> None:
    """Exchange gives every group an owner, and an application can be none."""
    difference = against(WantedGroup(ALL, "Everybody", ("late@example.org",), (BOB,)), *PEOPLE)

    assert difference.changes == ()
    assert [each.address for each in difference.waiting] == ["late@example.org"]


def test_a_member_named_by_a_second_address_is_one_member() -> None:
    """Exchange shows the primary one."""
    wanted = WantedGroup(ALL, "Everybody", (ANN,), ("robert@example.org",))
    bob = recipient(BOB, Kind.MAILBOX, "robert@example.org")

    assert against(wanted, PEOPLE[0], bob, found=group(), members=(BOB,)) == Difference()


def test_an_address_that_got_another_owner_blocks_and_is_not_touched() -> None:
    """Between the upload and the application somebody made a mailbox of that address."""
    difference = against(WANTED, *PEOPLE, recipient(ALL, Kind.MAILBOX))

    assert difference.changes == ()
    assert difference.blocked[0].why == "the address belongs to a mailbox of the tenant"


@pytest.mark.parametrize(
    ("people", "name"),
    [
        ((), "all"),
        (
            (Recipient("g", "d", "ALL", "other", ("other@example.org",), Kind.MAILBOX),),
            "all-example-org-",
        ),
    ],
)
def test_a_new_object_gets_a_name_that_is_free(people: tuple[Recipient, ...], name: str) -> None:
    """Names are unique in the organisation; a taken one refuses the whole group."""
    [change] = against(WANTED, *PEOPLE, *people).changes

    assert change.name.startswith(name)
    assert len(change.name) <= 64


def test_objects_of_one_name_in_two_domains_get_names_of_their_own() -> None:
    """info@ exists in every domain of an organisation with several."""
    wanted = WantedDirectory(
        mailboxes=(WantedMailbox("info@a.example", "A"), WantedMailbox("info@b.example", "B"))
    )
    names = [change.name for change in compare(wanted, FoundDirectory(Roll(PEOPLE))).changes]

    assert len(set(names)) == 2


def rights(*held: HeldRight, on_behalf: tuple[str, ...] = ()) -> FoundDirectory:
    """A tenant with the shared mailbox and these rights on it."""
    found = FoundMailbox("g-info", (INFO,), "Info", False, on_behalf)
    given: Mapping[str, tuple[HeldRight, ...]] = {"g-info": held}
    return FoundDirectory(Roll((*PEOPLE, SHARED)), mailboxes=(found,), rights=given)


def test_rights_are_compared_by_person_and_kind() -> None:
    """SendAs given for SendOnBehalf lets somebody speak as another."""
    wanted = WantedDirectory(
        mailboxes=(WantedMailbox(INFO, "Info"),),
        delegations=(
            Delegation(INFO, ANN, Right.FULL_ACCESS, is_mapped=False),
            Delegation(INFO, BOB, Right.SEND_ON_BEHALF),
            Delegation(INFO, "late@example.org", Right.SEND_AS),
        ),
    )
    found = rights(
        HeldRight(SELF, Right.FULL_ACCESS),
        HeldRight("S-1-5-21-1-2-3", Right.FULL_ACCESS),
        HeldRight("n-bob", Right.SEND_AS),
        on_behalf=("n-bob",),
    )
    difference = compare(wanted, found)

    [grant], [revoke], [waiting] = difference.changes, difference.removals, difference.waiting
    assert (grant.whom, grant.right, grant.is_mapped) == (ANN, Right.FULL_ACCESS, False)
    assert (revoke.whom, revoke.right) == (BOB, Right.SEND_AS)
    assert waiting.address == "late@example.org"


def test_a_contact_is_made_or_renamed_and_never_removed() -> None:
    """Contacts that are in no file belong to somebody else."""
    wanted = WantedDirectory(
        contacts=(WantedContact(EVE, "Eve"), WantedContact("new@x.example", "N"))
    )
    found = FoundDirectory(
        Roll(PEOPLE),
        contacts=(FoundContact("1", EVE, "Old"), FoundContact("2", "z@x.example", "Z")),
    )
    difference = compare(wanted, found)

    assert [change.deed for change in difference.changes] == [
        Deed.CREATE_CONTACT,
        Deed.CORRECT_CONTACT,
    ]
    assert difference.removals == ()


def test_only_groups_that_seem_to_differ_are_read_one_by_one() -> None:
    """The list may lag: it may say that a group agrees, never that one differs."""
    other = WantedGroup("other@example.org", "Other", (ANN,), (BOB, EVE))
    there = (
        group(),
        group(guid="g-other", directory_id="d-other", addresses=("other@example.org",)),
    )
    listed = {"d-all": frozenset({"d-bob"}), "d-other": frozenset({"d-bob"})}
    agreeing, doubtful = agreeing_members((WANTED, other), there, Roll(PEOPLE), listed)

    assert agreeing == {"g-all": frozenset({BOB})}
    assert doubtful == ("g-other",)


def test_who_has_no_identifier_makes_a_group_doubtful() -> None:
    """Two sets without their strangers would look equal."""
    stranger = Recipient("g-x", "", "x", "x", ("x@example.org",), Kind.CONTACT)
    wanted = WantedGroup(ALL, "Everybody", (ANN,), (BOB, "x@example.org"))
    listed = {"d-all": frozenset({"d-bob", ""})}

    assert agreeing_members((wanted,), (group(),), Roll((*PEOPLE, stranger)), listed)[1] == (
        "g-all",
    )
    assert agreeing_members((WANTED,), (group(),), Roll(PEOPLE), {})[1] == ("g-all",)


def test_twenty_thousand_who_are_not_there_yet_are_compared_in_a_moment() -> None:
    """Before the first batch everybody is awaited; the step has minutes, not hours."""
    people = [f"p{number}@example.org" for number in range(20_000)]
    wanted = WantedDirectory(
        groups=tuple(
            WantedGroup(f"g{at:04}@example.org", f"G {at}", (ANN,), tuple(people[at * 10 :][:10]))
            for at in range(2_000)
        )
    )
    difference = compare(wanted, FoundDirectory(Roll(PEOPLE)))

    assert len(difference.waiting) == 20_000
    assert len(difference.changes) == 2_000
