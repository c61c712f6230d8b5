"""A batch file with forty mistakes of many kinds, and where each of them stands."""

from collections.abc import Iterator
from itertools import count

from tests.end_to_end.rehearsal import csv_rows

COLUMNS = (
    "EmailAddress",
    "UserName",
    "Password",
    "UserRoot",
    "DisplayName",
    "Cohort",
    "CutoverAtUtc",
    "UsageLocation",
    "NewPassword",
    "Telephone",
)
TOO_LONG = "x" * 300
BELL = "ring\x07"
# In each row the named cells are wrong and everything else is right.
WRONG: tuple[dict[str, str], ...] = (
    {"EmailAddress": ""},
    {"EmailAddress": "no-at-sign"},
    {"EmailAddress": "two@@example.org"},
    {"EmailAddress": "somebody@elsewhere.example"},
    {"EmailAddress": "somebody@exampleorg.onmicrosoft.com"},
    {"EmailAddress": f"{BELL}@example.org"},
    {"EmailAddress": f"{TOO_LONG}@example.org"},
    {"UserName": ""},
    {"UserName": "another.person"},
    {"UserName": BELL},
    {"UserName": TOO_LONG},
    {"UserName": "{local}*master"},
    {"Password": ""},
    {"Password": BELL},
    {"Password": TOO_LONG},
    {"UserRoot": BELL},
    {"UserRoot": "/users/{local}"},
    {"DisplayName": BELL},
    {"DisplayName": TOO_LONG},
    {"Cohort": "pupils"},
    {"Cohort": "staf"},
    {"Cohort": BELL},
    {"CutoverAtUtc": "tomorrow"},
    {"CutoverAtUtc": "2026-02-30T06:00:00Z"},
    {"CutoverAtUtc": BELL},
    {"UsageLocation": "UK"},
    {"UsageLocation": "FRA"},
    {"UsageLocation": BELL},
    {"NewPassword": BELL},
    {"Password": "", "Cohort": "nobody", "UsageLocation": "1"},
    {"UserName": "", "CutoverAtUtc": "never"},
)
Place = tuple[int, int]


def mistaken_file(password: str = "Right-1-passphrase") -> tuple[bytes, set[Place]]:
    """The file and the (line, column) of each mistake, both counted from 1. Its passwords begin with `password`."""
    numbers = count(1)
    rows = [_row(next(numbers), password, wrong) for wrong in WRONG]
    places = {(1, len(COLUMNS))} | set(_places())
    line = len(rows) + 2
    rows += [
        _right(90, password),
        _right(90, password),
        [_right(90, password)[0].upper(), *_right(91, password)[1:]],
        _right(93, password)[:4],
        [*_right(92, password), "one too many"],
    ]
    places |= {(line + 1, 1), (line + 2, 1), (line + 2, 2), (line + 3, 5), (line + 4, 11)}
    return csv_rows(rows, COLUMNS), places


def _places() -> Iterator[Place]:
    for line, wrong in enumerate(WRONG, start=2):
        yield from ((line, COLUMNS.index(name) + 1) for name in wrong)


def _row(number: int, password: str, wrong: dict[str, str]) -> list[str]:
    right = dict(zip(COLUMNS, _right(number, password), strict=True))
    local = f"person{number}"
    return list((right | {name: text.format(local=local) for name, text in wrong.items()}).values())


def _right(number: int, password: str) -> list[str]:
    local = f"person{number}"
    return [f"{local}@example.org", local, f"{password}{number}", *[""] * (len(COLUMNS) - 3)]
