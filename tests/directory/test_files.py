"""The five files: every mistake of all of them at once, by file, line and column."""

import pytest

from bascule.domain.directory_objects.found import Kind
from bascule.domain.directory_objects.reading import DirectoryFilesInvalid, read_directory_files
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.values import (
    Delegation,
    Right,
    WantedContact,
    WantedDirectory,
    WantedGroup,
    WantedMailbox,
)
from tests.directory import samples
from tests.directory.samples import (
    ALL,
    ANN,
    BOB,
    COEXISTENCE,
    EVE,
    INFO,
    INNER,
    contacts,
    delegations,
    groups,
    mailboxes,
    members,
    recipient,
    tenant,
)

OWNED = f"{ALL};Everybody;{ANN};"


def read(around: Surroundings | None = None, **files: bytes) -> WantedDirectory:
    """What the files want; a file is named without its ending."""
    named = {f"{name}.csv": content for name, content in files.items()}
    return read_directory_files(named, around or tenant())


def mistakes(around: Surroundings | None = None, **files: bytes) -> list[str]:
    """`file:line:column name: what` of every mistake."""
    with pytest.raises(DirectoryFilesInvalid) as invalid:
        read(around, **files)
    return [
        f"{each.file}:{each.mistake.line}:{each.mistake.column_name}: {each.mistake.what}"
        for each in invalid.value.mistakes
    ]


def test_five_files_become_one_wish() -> None:
    """Everything later is compared with this."""
    wanted = read(
        groups=groups(f"{ALL};Tout le monde;{ANN} {INFO};vrai", f"{INNER};Inner;{ANN};"),
        group_members=members(f"{ALL},{EVE}", f"{ALL.upper()},{INNER}", f"{INNER},{ANN}"),
        shared_mailboxes=mailboxes(f"{INFO},Accueil"),
        delegations=delegations(f"{INFO},{ANN},sendas"),
        contacts=contacts(f"{EVE},Eve"),
    )

    assert wanted == WantedDirectory(
        groups=(
            WantedGroup(ALL, "Tout le monde", (ANN, INFO), (EVE, INNER), is_hidden=True),
            WantedGroup(INNER, "Inner", (ANN,), (ANN,)),
        ),
        mailboxes=(WantedMailbox(INFO, "Accueil"),),
        delegations=(Delegation(INFO, ANN, Right.SEND_AS),),
        contacts=(WantedContact(EVE, "Eve"),),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_files_come_as_spreadsheets_write_them(encoding: str) -> None:
    """An operator who is sent back to save the file again does it wrong the second time."""
    text = groups(f"{ALL};Équipe;{ANN};").decode()

    assert read(groups=text.encode(encoding)).groups[0].display_name == "Équipe"


def test_all_mistakes_of_all_files_come_at_once() -> None:
    """One mistake a round makes twenty rounds."""
    found = mistakes(
        groups=groups(f"{ALL};;{ANN};", f"no address;X;{ANN};maybe"),
        group_members=members(f"{ALL},nobody@example.org"),
        shared_mailboxes=b"PrimarySmtpAddress,Displayname,Colour\r\n",
        delegations=delegations(f"{INFO},{ANN},Everything"),
        contacts=b"",
    )

    assert found == [
        "contacts.csv:0:: is empty",
        "delegations.csv:2:AccessRights: is no right that we know",
        "group_members.csv:2:Group: is no group of groups.csv",
        "group_members.csv:2:Member: is nobody: no recipient of the tenant, of these files or of a batch",
        "groups.csv:2:DisplayName: is empty",
        "groups.csv:3:PrimarySmtpAddress: has no @",
        "groups.csv:3:HiddenFromAddressListsEnabled: is neither true nor false",
        "shared_mailboxes.csv:1:: is no column that we know",
    ]


@pytest.mark.parametrize("address", [ANN, BOB])
def test_who_has_a_mailbox_or_will_have_one_can_be_named(address: str) -> None:
    """Groups are written before the last batch has arrived."""
    around = tenant(coming=[BOB])
    wanted = read(
        around,
        groups=groups(f"{ALL};Everybody;{address};"),
        group_members=members(f"{ALL},{address}"),
        shared_mailboxes=mailboxes(f"{INFO},Info"),
        delegations=delegations(f"{INFO},{address},FullAccess"),
    )

    assert wanted.groups[0].owners == wanted.groups[0].members == (address,)


def test_owners_and_trustees_need_a_mailbox() -> None:
    """Exchange takes a contact for neither, and says so one object at a time."""
    around = tenant([recipient(BOB, Kind.GROUP)])
    found = mistakes(
        around,
        groups=groups(
            f"{ALL};Everybody;{EVE} {ANN};", f"{INNER};Inner;{BOB};", "x@example.org;X;;"
        ),
        shared_mailboxes=mailboxes(f"{INFO},Info"),
        delegations=delegations(
            f"{INFO},{EVE},SendAs", f"{INFO},{INFO},SendAs", f"{ANN},{ANN},SendAs"
        ),
        contacts=contacts(f"{EVE},Eve"),
    )

    assert [each.split(": ")[0] for each in found] == [
        "delegations.csv:2:Trustee",
        "delegations.csv:3:Trustee",
        "delegations.csv:4:Mailbox",
        "delegations.csv:4:Trustee",
        "groups.csv:2:ManagedBy",
        "groups.csv:3:ManagedBy",
        "groups.csv:4:ManagedBy",
    ]


def test_an_address_belongs_to_one_object() -> None:
    """Of two objects with one address the second cannot be made, after half of the work is done."""
    taken = [
        recipient("team@example.org", Kind.OTHER),
        recipient(BOB, Kind.MAILBOX, "b@example.org"),
    ]
    found = mistakes(
        tenant(taken, coming=["coming@example.org"]),
        groups=groups(OWNED, OWNED, f"team@example.org;T;{ANN};", f"b@example.org;B;{ANN};"),
        shared_mailboxes=mailboxes(
            f"{ALL},All", "coming@example.org,C", "info@elsewhere.example,I"
        ),
        contacts=contacts(f"{BOB},Bob", "coming@example.org,C", f"{EVE},Eve", f"{EVE},Eve"),
    )

    assert found == [
        "contacts.csv:2:ExternalEmailAddress: is the address of a mailbox, which this contact would shadow",
        "contacts.csv:3:ExternalEmailAddress: is the address of line 3 of shared_mailboxes.csv too",
        "contacts.csv:5:ExternalEmailAddress: is the address of line 4 of contacts.csv too",
        "groups.csv:3:PrimarySmtpAddress: is the address of line 2 of groups.csv too",
        "groups.csv:4:PrimarySmtpAddress: is the address of a recipient of another kind of the tenant",
        "groups.csv:5:PrimarySmtpAddress: is the address of a mailbox of the tenant",
        "shared_mailboxes.csv:2:PrimarySmtpAddress: is the address of line 2 of groups.csv too",
        "shared_mailboxes.csv:3:PrimarySmtpAddress: is the address of a mailbox in a batch",
        "shared_mailboxes.csv:4:PrimarySmtpAddress: is in no domain of the plan",
    ]


def test_a_circle_of_groups_is_shown_where_it_closes() -> None:
    """A message to one of them would go round until something breaks it."""
    found = mistakes(
        groups=groups(OWNED, f"{INNER};Inner;{ANN};", f"third@example.org;Third;{ANN};"),
        group_members=members(
            f"{ALL},{INNER}",
            f"{INNER},third@example.org",
            f"third@example.org,{ALL}",
            f"{ALL},{ALL}",
        ),
    )

    assert found == [
        "group_members.csv:4:Member: contains this group already, directly or through others: a circle",
        "group_members.csv:5:Member: is the group itself",
    ]


def test_the_same_group_reached_twice_is_no_circle() -> None:
    """A school lists its classes both under the year and under everybody."""
    wanted = read(
        groups=groups(OWNED, f"{INNER};Inner;{ANN};", f"third@example.org;Third;{ANN};"),
        group_members=members(
            f"{ALL},{INNER}", f"{ALL},third@example.org", f"{INNER},third@example.org"
        ),
    )

    assert len(wanted.groups) == 3


def test_the_coexistence_group_is_never_touched() -> None:
    """Its members decide where mail goes: a row too many would turn a mailbox's mail."""
    found = mistakes(
        tenant([recipient(COEXISTENCE, Kind.GROUP)]),
        groups=groups(f"{COEXISTENCE};Mine;{ANN};", OWNED),
        group_members=members(f"{COEXISTENCE},{ANN}", f"{ALL},{COEXISTENCE}"),
    )

    assert len(found) == 3
    assert all("belongs to the migration" in each for each in found)


def test_rows_that_stand_twice_are_named() -> None:
    """The second one may be the slip of somebody who meant another line."""
    found = mistakes(
        groups=groups(OWNED),
        group_members=members(f"{ALL},{ANN}", f"{ALL},{ANN.upper()}"),
        shared_mailboxes=mailboxes(f"{INFO},Info"),
        delegations=delegations(f"{INFO},{ANN},SendAs", f"{INFO},{ANN},sendas"),
    )

    assert found == [
        "delegations.csv:3:AccessRights: says what line 2 says",
        "group_members.csv:3:Member: says what line 2 says",
    ]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2"])
def test_a_name_that_a_spreadsheet_would_run_is_refused(text: str) -> None:
    """The address book is exported to spreadsheets by people who trust it."""
    found = mistakes(contacts=contacts(f'{EVE},"{text}"'))

    assert found == [
        "contacts.csv:2:DisplayName: begins like a formula, which a spreadsheet would run"
    ]
    assert text not in "".join(found)


@pytest.mark.parametrize("cell", ["a\x00b", "a\x1b[31mb", "a\nb", "x" * 300])
def test_what_no_system_agrees_on_is_refused(cell: str) -> None:
    """Control characters in a name reach terminals, logs and other people's programs."""
    [found] = mistakes(contacts=contacts(f'{EVE},"{cell}"'))

    assert found.startswith("contacts.csv:2:DisplayName: ")


def test_a_file_that_is_none_of_the_five_is_named() -> None:
    """A spelling mistake in a file's name would leave its rows out silently."""
    with pytest.raises(DirectoryFilesInvalid, match="is none of the five files"):
        read_directory_files({"group-members.csv": members()}, tenant())


def test_without_the_tenant_only_the_files_are_judged() -> None:
    """`bascule directory check` works on a train."""
    offline = Surroundings(frozenset({"example.org"}), COEXISTENCE)
    files = {
        "groups.csv": groups(f"{ALL};Everybody;unknown@example.org;"),
        "group_members.csv": members(f"{ALL},unknown@example.org"),
    }

    assert read_directory_files(files, offline).groups[0].members == ("unknown@example.org",)
    with pytest.raises(DirectoryFilesInvalid):
        read_directory_files({**files, "groups.csv": groups()}, offline)


def test_too_many_rights_on_one_mailbox_are_refused() -> None:
    """Exchange advises against more than five hundred, and becomes slow."""
    people = [f"p{number}@example.org" for number in range(501)]
    found = mistakes(
        tenant(coming=people),
        shared_mailboxes=mailboxes(f"{INFO},Info"),
        delegations=delegations(*(f"{INFO},{person},SendAs" for person in people)),
    )

    assert found == [
        "delegations.csv:502:Mailbox: has more than 500 delegations, which Exchange advises against"
    ]


def test_fifty_thousand_memberships_are_read_in_seconds() -> None:
    """A university uploads its whole directory."""
    people = [f"p{number}@example.org" for number in range(25_000)]
    wanted = read(
        tenant(coming=people),
        groups=groups(OWNED, f"{INNER};Inner;{ANN};"),
        group_members=members(
            *(f"{group},{person}" for group in (ALL, INNER) for person in people)
        ),
    )

    assert sum(len(group.members) for group in wanted.groups) == 50_000
    assert samples.ANN not in wanted.groups[0].members
