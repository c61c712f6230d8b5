"""New passwords in a batch file that others could guess: allowed, and worth a word. No warning repeats a password."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bascule.domain.batch_mistakes import Mistake
from bascule.domain.batch_rows import BatchRow
from bascule.domain.passwords import password_for, shared_count
from bascule.domain.plan import CohortPlan, PasswordRule

NAME = "NewPassword"


def guessable(
    rows: Sequence[BatchRow], cohorts: Mapping[str, CohortPlan], column: int
) -> Iterator[Mistake]:
    """One warning for each cohort whose passwords are padded, and one for each password that several accounts share."""
    given = [row for row in rows if row.new_password]
    yield from _padded(given, cohorts, column)
    first_lines: dict[str, int] = {}
    for row in given:
        first_lines.setdefault(row.new_password, row.line)
    for password, count in shared_count(row.new_password for row in given).items():
        what = f"is the same in {count} rows: each of them knows the others'"
        todo = "Give each row its own, or ask for a change at the first sign-in"
        yield Mistake(first_lines[password], column, NAME, what, todo)


def _padded(
    given: Sequence[BatchRow], cohorts: Mapping[str, CohortPlan], column: int
) -> Iterator[Mistake]:
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for row in given:
        name = row.cohort or "default"
        cohort = cohorts[name]
        # Asked first: of most files no row is padded, and there may be 50 000.
        is_pad = cohort.password is PasswordRule.PAD
        if is_pad and password_for(cohort, row.new_password).rule is PasswordRule.PAD:
            lines[name].append(row.line)
    for name, found in sorted(lines.items()):
        what = f"is padded with the suffix of the cohort {name}, here and in {len(found) - 1} other rows"
        todo = "Who knows the suffix has fewer characters to guess; must_change_password would help"
        yield Mistake(found[0], column, NAME, what, todo)
