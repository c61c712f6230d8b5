"""The rows of a batch file: each checked by itself, and against the rows before it."""

from dataclasses import dataclass, field
from datetime import datetime

from bascule.domain.addresses import local_part, normal_address
from bascule.domain.batch_cells import (
    CELL_LENGTH_MAX,
    CONTROL,
    LINE_BREAK,
    Problem,
    address_cell_problem,
    ambiguous_problem,
    bare_user_name,
    cohort_problem,
    control_problem,
    length_problem,
    never_touched_problem,
    read_instant,
    usage_location_problem,
    user_name_problem,
    user_root_problem,
)
from bascule.domain.batch_header import COLUMNS, Header
from bascule.domain.batch_mistakes import Mistake
from bascule.domain.cohorts import CohortChoice, CohortsAmbiguous
from bascule.domain.passwords import given_problem, holds_name
from bascule.domain.plan import Plan

_LINES_ALLOWED = frozenset({"DisplayName"})  # spreadsheets break long names over lines


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One mailbox to move, as its row says."""

    line: int
    """Physical line of the file on which the row begins, from 1."""
    address: str
    """Normal form, under which everything compares."""
    address_as_written: str
    user_name: str
    """The user's own login name; a master user that the row named behind it is the plan's and not repeated here."""
    password: str = field(repr=False, default="")
    display_name: str = ""
    cohort: str = ""
    cutover_at_utc: datetime | None = None
    usage_location: str = ""
    new_password: str = field(repr=False, default="")
    unit: str = ""
    """Organisational unit or class, such as `Eleves/3A`."""


class RowReader:
    """Reads rows one by one; remembers addresses, user names and every mistake."""

    def __init__(self, header: Header, plan: Plan) -> None:
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self._header = header
        self._source = plan.source
        self._domains = frozenset(plan.tenant.domains)
        self._domains_shown = ", ".join(plan.tenant.domains)
        self._routing_domain = plan.tenant.routing_domain
        self._plans = plan.cohorts
        self._cohorts = frozenset(plan.cohorts)
        self._choice = CohortChoice(plan.cohorts)
        self._accounts = plan.accounts
        # A column that the file lacks reads the empty cell behind the last one.
        self._places = tuple((name, header.places.get(name, -1)) for name in COLUMNS)
        self._lines_by_address: dict[str, tuple[int, str]] = {}
        self._lines_by_user: dict[str, int] = {}
        self._lines_by_local: dict[str, int] = {}

    def read(self, line: int, cells: list[str]) -> BatchRow | None:
        """The row that `cells` are; None, with its mistakes noted, when they are none."""
        if len(cells) != self._header.column_count:
            self._uneven(line, cells)
            return None
        before_count = len(self.mistakes)
        padded = [*cells, ""]
        cell = {name: padded[at] for name, at in self._places}
        self._refuse_unreadable(line, cell)
        self._refuse_root(line, cell["UserRoot"])
        address = self._address(line, cell["EmailAddress"])
        cohort = self._cohort(line, cell, address)
        row = BatchRow(
            line,
            address,
            cell["EmailAddress"],
            self._user_name(line, cell["UserName"], address),
            self._password(line, cell["Password"]),
            cell["DisplayName"],
            cohort,
            self._cutover_at_utc(line, cell["CutoverAtUtc"]),
            self._usage_location(line, cell["UsageLocation"]),
            self._new_password(line, cell, cohort),
            cell["Unit"].strip(),
        )
        return row if len(self.mistakes) == before_count else None

    def warn_of_strangers(self, rows: list[BatchRow]) -> None:
        """Warn where a user name, free in form, is that of another row's address: names slipped by a line."""
        if self._source.user_name_form != "any":
            return
        for row in rows:
            user = row.user_name.lower()
            other = self._lines_by_local.get(user) or self._lines_by_address.get(user, (0, ""))[0]
            if other and other != row.line and user not in (row.address, local_part(row.address)):
                what = f"is the user name of the address in line {other}"
                self._warn(
                    row.line, "UserName", what, "Check that no user name slipped to another row"
                )

    def _uneven(self, line: int, cells: list[str]) -> None:
        wanted = self._header.column_count
        what = f"has {len(cells)} fields, and the header has {wanted}"
        todo = "Put fields that hold the separator or a quote into quotes"
        self.mistakes.append(Mistake(line, min(len(cells), wanted) + 1, "", what, todo))
        at = self._header.places.get("EmailAddress", -1)
        # Fields shift at the first stray separator: only what stands first is surely the address, and a row of one
        # field is not even that.
        if at == 0 and len(cells) > 1:
            self._address(line, cells[0])

    def _refuse_unreadable(self, line: int, cell: dict[str, str]) -> None:
        if CONTROL.search("".join(cell.values())):
            for name, text in cell.items():
                self._note(line, name, control_problem(text, lines_allowed=name in _LINES_ALLOWED))
                if name in _LINES_ALLOWED and LINE_BREAK.search(text):
                    self._warn(line, name, "has a line break in it", "Write it on one line")
        if max(map(len, cell.values())) > CELL_LENGTH_MAX:
            for name, text in cell.items():
                self._note(line, name, length_problem(text, CELL_LENGTH_MAX))

    def _refuse_root(self, line: int, written: str) -> None:
        if self._readable(written):
            self._note(line, "UserRoot", user_root_problem(written.strip()))

    def _address(self, line: int, written: str) -> str:
        """The normal address; empty when the cell holds none that can move."""
        if "EmailAddress" not in self._header.places:
            return ""
        address = normal_address(written)
        if self._readable(written):
            shown = self._domains_shown
            problem = address_cell_problem(
                written.strip(), self._domains, self._routing_domain, shown
            )
            self._note(line, "EmailAddress", problem)
            if problem is None:
                self._note(line, "EmailAddress", never_touched_problem(self._accounts, address))
                self._refuse_second_address(line, address, written)
                return address
        return ""

    def _refuse_second_address(self, line: int, address: str, written: str) -> None:
        if written != written.strip():
            self._warn(line, "EmailAddress", "has blanks around it", "Remove the blanks")
        first_line, first_written = self._lines_by_address.setdefault(address, (line, written))
        if first_line != line:
            spelling = "" if first_written == written else ", spelt otherwise"
            what = f"is the address of line {first_line} too{spelling}"
            self._wrong(line, "EmailAddress", what, "Remove one of the two rows")
            return
        local_line = self._lines_by_local.setdefault(local_part(address), line)
        if local_line != line:
            what = f"would be forwarded to the same routing address as line {local_line}"
            todo = "Both have one name before the @: move only one of them with this plan"
            self._wrong(line, "EmailAddress", what, todo)

    def _user_name(self, line: int, written: str, address: str) -> str:
        if "UserName" not in self._header.places or not self._readable(written):
            return ""
        if written != written.strip():
            self._warn(line, "UserName", "has blanks around it", "Remove the blanks")
        user_name, problem = bare_user_name(written.strip(), self._source)
        if not user_name:
            self._wrong(line, "UserName", "is empty", "Write the name with which the user logs in")
            return ""
        form = self._source.user_name_form
        self._note(line, "UserName", problem)
        self._note(
            line, "UserName", user_name_problem(user_name, address, form) if address else None
        )
        self._refuse_second_user(line, user_name, address)
        return user_name

    def _refuse_second_user(self, line: int, user_name: str, address: str) -> None:
        first_line = self._lines_by_user.setdefault(user_name.lower(), line)
        # A row that stands twice has one mistake, and the address names it.
        twice = bool(address) and self._lines_by_address[address][0] != line
        if first_line != line and not twice:
            what = f"is the user name of line {first_line} too"
            self._wrong(line, "UserName", what, "Give each address its own user name")

    def _password(self, line: int, password: str) -> str:
        if not password and not self._source.master_user and "Password" in self._header.places:
            todo = "Write the password at the source, or set source.master_user in the plan"
            self._wrong(line, "Password", "is empty", todo)
        self._warn_of_blanks(line, "Password", password)
        return password

    def _new_password(self, line: int, cell: dict[str, str], cohort: str) -> str:
        password, plan = cell["NewPassword"], self._plans.get(cohort or "default")
        self._warn_of_blanks(line, "NewPassword", password)
        if plan and self._readable(password):
            self._note(line, "NewPassword", given_problem(password, plan))
        if password and holds_name(password, cell["DisplayName"]):
            what = "holds a part of the person's name"
            self._warn(line, "NewPassword", what, "Microsoft 365 refuses most of those")
        return password

    def _warn_of_blanks(self, line: int, name: str, password: str) -> None:
        if password != password.strip():
            what = "has blanks around it, which were kept"
            self._warn(line, name, what, "Remove them if they are not part of the password")

    def _cohort(self, line: int, cell: dict[str, str], address: str) -> str:
        name = cell["Cohort"].strip()
        if self._readable(cell["Cohort"]):
            self._note(line, "Cohort", cohort_problem(name, self._cohorts))
        if name or not address or not self._readable(cell["Unit"]):
            return name
        try:
            return self._choice.choose(address, cell["Unit"])
        except CohortsAmbiguous as ambiguous:
            self._note(line, "EmailAddress", ambiguous_problem(ambiguous))
            return name

    def _cutover_at_utc(self, line: int, written: str) -> datetime | None:
        text = written.strip()
        if not text or not self._readable(written):
            return None
        instant = read_instant(text)
        self._note(line, "CutoverAtUtc", instant.problem)
        if instant.zone_missing:
            what = "has no offset and was taken as UTC"
            self._warn(line, "CutoverAtUtc", what, "Write a Z behind it")
        return instant.at_utc

    def _usage_location(self, line: int, written: str) -> str:
        location = written.strip()
        if self._readable(written):
            self._note(line, "UsageLocation", usage_location_problem(location))
        return location.upper()

    def _readable(self, written: str) -> bool:
        """Whether a cell was not refused already, so that one slip makes one mistake."""
        return len(written) <= CELL_LENGTH_MAX and not CONTROL.search(written)

    def _note(self, line: int, name: str, problem: Problem) -> None:
        if problem:
            self._wrong(line, name, *problem)

    def _wrong(self, line: int, name: str, what: str, todo: str) -> None:
        self.mistakes.append(Mistake(line, self._header.places[name] + 1, name, what, todo))

    def _warn(self, line: int, name: str, what: str, todo: str) -> None:
        self.warnings.append(Mistake(line, self._header.places[name] + 1, name, what, todo))
