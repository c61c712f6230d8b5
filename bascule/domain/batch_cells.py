"""What one cell of a batch row may hold, each by itself. No message repeats a cell: it may hold a password."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from bascule.domain.addresses import address_problem, domain_of, local_part
from bascule.domain.cohorts import CohortsAmbiguous, is_never_touched
from bascule.domain.plan import AccountPlan, SourcePlan

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LINE_BREAK = re.compile(r"[\r\n]")
CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Entra ID takes passwords and display names of 256 characters; a user name beyond them is a slip.
CELL_LENGTH_MAX = 256

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_INSTANT_TODO = "Write UTC as 2026-12-01T06:00:00Z"


@dataclass(frozen=True)
class Instant:
    """What a cell says about a time."""

    at_utc: datetime | None = None
    zone_missing: bool = False
    problem: Problem = None


def address_cell_problem(
    written: str, domains: frozenset[str], routing_domain: str, domains_shown: str
) -> Problem:
    """Why the address of a row cannot move; `written` has no blanks around it."""
    if not written:
        return "is empty", "Write the address of the mailbox, or remove the row"
    problem = address_problem(written)
    if problem:
        return problem, "Write an address such as anna@example.org"
    domain = domain_of(written).lower()
    if domain in domains:
        return None
    if domain == routing_domain:
        what = f"is in the routing domain {routing_domain}"
        return what, "Write the address under which the mailbox is known at the source"
    return "is in no domain of the plan", f"tenant.domains are: {domains_shown}"


def bare_user_name(written: str, source: SourcePlan) -> tuple[str, Problem]:
    """The user's own part of a login name, and what is wrong with the master's part if it has one."""
    separator = source.master_separator
    user, found, master = written.rpartition(separator) if separator else ("", "", written)
    if not found:
        return written, None
    if not source.master_user:
        what = f"names a master user behind {separator}, and the plan has none"
        return user, (what, "Set source.master_user in the plan, or write the user alone")
    if master != source.master_user:
        what = f"names another master user behind {separator} than the plan"
        return user, (what, f"Write {separator}{source.master_user}, or the user alone")
    return user, None


def user_name_problem(user_name: str, address: str, form: str) -> Problem:
    """Why a user name does not fit its address. Dovecot compares user names in lower case."""
    if form == "any":
        return None
    wanted = local_part(address) if form == "local" else address
    if user_name.lower() == wanted:
        return None
    what = "is not the user name of the address in its row"
    return what, f"Write {wanted}, or put the address right (source.user_name_form is {form})"


def user_root_problem(root: str) -> Problem:
    """Why a row may not say at which folder its mailbox begins.

    Exchange would copy what lies below it, and everything else here opens the login's own mailbox: it would survey and
    prove another one, and bring mail home to a stranger.
    """
    if not root:
        return None
    what = "names a folder inside another mailbox, and mail that comes home would land in that one"
    todo = "Leave it empty, and write a login whose INBOX is this mailbox's own"
    return what, todo


def cohort_problem(name: str, known: frozenset[str]) -> Problem:
    """Why a row's cohort is none of the plan's."""
    if not name or name in known:
        return None
    close = get_close_matches(name, known, n=1)
    todo = f"Did you mean {close[0]}?" if close else f"The plan has: {', '.join(sorted(known))}"
    return "is no cohort of the plan", todo


def ambiguous_problem(ambiguous: CohortsAmbiguous) -> Problem:
    """Why no cohort can be chosen for a row."""
    return str(ambiguous), "Name the cohort in the column Cohort, or narrow the plan's patterns"


def never_touched_problem(accounts: AccountPlan, address: str) -> Problem:
    """Why a row may not name an account that the plan protects."""
    if not is_never_touched(accounts, address):
        return None
    return "is one that accounts.never_touch protects", "Remove the row, or the name from the plan"


def usage_location_problem(location: str) -> Problem:
    """Why a usage location is none; small letters are taken. Source: ISO 3166-1 alpha-2."""
    if location.upper() == "UK":
        return "is no ISO 3166 code", "Write GB for the United Kingdom"
    # Before capitals are made: those of the one letter ß are SS, another country.
    if not location or re.fullmatch(r"[A-Za-z]{2}", location):
        return None
    return "is not two letters", "Write an ISO 3166 code such as FR"


def read_instant(text: str) -> Instant:
    """The instant that ISO 8601 text names; text without an offset is UTC, as the column's name says."""
    found = _INSTANT.fullmatch(text)
    if not found:
        return Instant(problem=("is no date and time", _INSTANT_TODO))
    try:
        instant = datetime.fromisoformat(text)
        if not found["zone"]:
            return Instant(instant.replace(tzinfo=UTC), zone_missing=True)
        return Instant(instant.astimezone(UTC))
    except (ValueError, OverflowError):
        return Instant(problem=("is a date or time that does not exist", _INSTANT_TODO))


def length_problem(cell: str, length_max: int) -> Problem:
    """Why a cell is too long."""
    if len(cell) <= length_max:
        return None
    return f"is longer than {length_max} characters", "Shorten it"


def control_problem(cell: str, *, lines_allowed: bool) -> Problem:
    """Why a cell's invisible characters are refused: no mail system or directory agrees with another on them."""
    if CONTROL_BUT_LINES.search(cell):
        return "has control characters", "Remove them; they are invisible in most editors"
    if not lines_allowed and LINE_BREAK.search(cell):
        return "has a line break in it", "Write it on one line"
    return None
