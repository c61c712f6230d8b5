"""Rows become drafts: each cell read by itself, with the row it came from, before anything is compared."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.batch_mistakes import Mistake
from bascule.domain.directory_objects.tables import (
    CONTACTS,
    DELEGATIONS,
    FILES,
    GROUPS,
    MAILBOXES,
    MEMBERS,
    FileMistake,
    Row,
    read_table,
)
from bascule.domain.directory_objects.values import (
    Delegation,
    Right,
    WantedContact,
    WantedGroup,
    WantedMailbox,
)

T = TypeVar("T")

# A spreadsheet that shows the address list would run what begins like this.
FORMULA = re.compile(r"[=+\-@]")
SEPARATORS = re.compile(r"[\s,;]+")
WORDS = {
    **dict.fromkeys(("true", "yes", "1", "vrai", "oui"), True),
    **dict.fromkeys(("false", "no", "0", "faux", "non"), False),
}
JOIN_RESTRICTIONS = ("Closed", "Open", "ApprovalRequired")
DEPART_RESTRICTIONS = ("Closed", "Open")


@dataclass(frozen=True)
class Draft(Generic[T]):
    """What one row wants, and where that is written."""

    value: T
    row: Row


@dataclass(frozen=True)
class Membership:
    """One row of the members' file."""

    group: str
    member: str


@dataclass(frozen=True)
class Drafts:
    """All rows that could be read by themselves, and everything wrong with the others."""

    groups: tuple[Draft[WantedGroup], ...]
    memberships: tuple[Draft[Membership], ...]
    mailboxes: tuple[Draft[WantedMailbox], ...]
    delegations: tuple[Draft[Delegation], ...]
    contacts: tuple[Draft[WantedContact], ...]
    mistakes: tuple[FileMistake, ...]


class _Cells:
    """The cells of one row, read by kind; remembers what is wrong."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.mistakes: list[FileMistake] = []

    def address(self, name: str) -> str:
        """The one address of a cell, in normal form."""
        written = self._row.cells[name]
        problem = address_problem(written) if written else "is empty"
        if problem:
            self._wrong(name, problem, "Write an address such as anna@example.org")
        return normal_address(written)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Addresses separated by blanks, commas or semicolons; at least one."""
        written = [each for each in SEPARATORS.split(self._row.cells[name]) if each]
        if not written:
            what = "is empty, and a group must have an owner"
            self._wrong(name, what, "Write the address of at least one owner")
        for each in written:
            problem = address_problem(each)
            if problem:
                todo = "Write addresses, separated by blanks"
                self._wrong(name, f"names an address that {problem}", todo)
        return tuple(dict.fromkeys(map(normal_address, written)))

    def shown_name(self) -> str:
        """The name that the address book shows."""
        written = self._row.cells["DisplayName"]
        if not written:
            self._wrong("DisplayName", "is empty", "Write the name that the address book shows")
        elif FORMULA.match(written):
            what = "begins like a formula, which a spreadsheet would run"
            self._wrong("DisplayName", what, "Begin with a letter or a figure")
        return written

    def claim(self, name: str, *, default: bool) -> bool:
        """True or false, in English or French; the default when the cell is empty."""
        written = self._row.cells[name].lower()
        if written and written not in WORDS:
            self._wrong(name, "is neither true nor false", "Write true or false")
        return WORDS.get(written, default)

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        """One of Exchange's words, upper and lower case alike; the first when the cell is empty."""
        written = self._row.cells[name]
        found = {word.lower(): word for word in words}.get(written.lower())
        if written and found is None:
            self._wrong(name, "is none of Exchange's words", f"Write {', '.join(words)}")
        return found or words[0]

    def right(self) -> Right:
        """One right."""
        written = self._row.cells["AccessRights"]
        found = {right.lower(): right for right in Right}.get(written.lower())
        if found is None:
            todo = f"Write {', '.join(Right)}; one row for each"
            self._wrong("AccessRights", "is no right that we know", todo)
        return found or Right.FULL_ACCESS

    def _wrong(self, name: str, what: str, todo: str) -> None:
        self.mistakes.append(self._row.wrong(name, what, todo))


def read_drafts(files: Mapping[str, bytes]) -> Drafts:
    """Every row of the files that are there; a file that is not there wants nothing."""
    mistakes = [_stranger(name) for name in sorted(set(files) - set(FILES))]
    given = {name: files[name] for name in FILES if name in files}
    tables = {name: read_table(name, raw) for name, raw in given.items()}
    for table in tables.values():
        mistakes += table.mistakes

    def drafts(file: str, read: Callable[[_Cells], T]) -> tuple[Draft[T], ...]:
        return tuple(_each(tables[file].rows if file in tables else (), read, mistakes))

    return Drafts(
        drafts(GROUPS, _group),
        drafts(MEMBERS, _membership),
        drafts(MAILBOXES, _mailbox),
        drafts(DELEGATIONS, _delegation),
        drafts(CONTACTS, _contact),
        tuple(mistakes),
    )


def _each(
    rows: Iterable[Row], read: Callable[[_Cells], T], mistakes: list[FileMistake]
) -> Iterable[Draft[T]]:
    for row in rows:
        cells = _Cells(row)
        value = read(cells)
        mistakes += cells.mistakes
        if not cells.mistakes:
            yield Draft(value, row)


def _stranger(name: str) -> FileMistake:
    return FileMistake(
        name, Mistake(0, 0, "", "is none of the five files", f"Known are: {', '.join(FILES)}")
    )


def _group(cells: _Cells) -> WantedGroup:
    return WantedGroup(
        address=cells.address("PrimarySmtpAddress"),
        display_name=cells.shown_name(),
        owners=cells.addresses("ManagedBy"),
        join_restriction=cells.choice("MemberJoinRestriction", JOIN_RESTRICTIONS),
        depart_restriction=cells.choice("MemberDepartRestriction", DEPART_RESTRICTIONS),
        is_hidden=cells.claim("HiddenFromAddressListsEnabled", default=False),
        requires_sender_authentication=cells.claim(
            "RequireSenderAuthenticationEnabled", default=True
        ),
    )


def _membership(cells: _Cells) -> Membership:
    return Membership(cells.address("Group"), cells.address("Member"))


def _mailbox(cells: _Cells) -> WantedMailbox:
    return WantedMailbox(
        cells.address("PrimarySmtpAddress"),
        cells.shown_name(),
        cells.claim("HiddenFromAddressListsEnabled", default=False),
    )


def _delegation(cells: _Cells) -> Delegation:
    return Delegation(
        cells.address("Mailbox"),
        cells.address("Trustee"),
        cells.right(),
        cells.claim("AutoMapping", default=True),
    )


def _contact(cells: _Cells) -> WantedContact:
    return WantedContact(cells.address("ExternalEmailAddress"), cells.shown_name())
