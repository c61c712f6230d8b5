"""The form in which passwords leave: a template with fields, or columns; header, separator, encoding.

A template is a line written as it is, `%USER_ID%;%USER_PASSWORD%00`, with fields between percent signs and `%%` for a
percent sign. Columns are a CSV as RFC 4180 has it. What a spreadsheet would take for a formula is defused in names,
cohorts and units, never in sign-in names and passwords: an altered password is a wrong one.
Source: RFC 4180; OWASP, "CSV Injection".
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from types import MappingProxyType

from bascule.domain.addresses import local_part
from bascule.domain.hand_out import Person
from bascule.domain.plan import HandOutPlan

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

PASSWORD_FIELD = "USER_PASSWORD"  # noqa: S105  the name of a field
ENCODINGS: Mapping[str, tuple[bytes, str]] = MappingProxyType(
    {
        "utf-8": (b"", "utf-8"),
        "utf-8-bom": (codecs.BOM_UTF8, "utf-8"),
        "windows-1252": (b"", "windows-1252"),
    }
)
# The first letter by which spreadsheets know a formula.
FORMULA = re.compile(r"[=+\-@\t\r]")
_TOKEN = re.compile(r"%([A-Z_]+)%|%%|%")


@dataclass(frozen=True)
class HandOutRow:
    """One person with the password in clear: alive between unsealing and writing, never longer."""

    person: Person
    password: str = field(repr=False)
    set_utc: datetime | None = None
    """When it came into force: by it this very password is known again, and no later one taken for it."""


FIELDS: Mapping[str, Callable[[HandOutRow], str]] = MappingProxyType(
    {
        "USER_ID": lambda row: row.person.address,
        PASSWORD_FIELD: lambda row: row.password,
        "USER_LOGIN": lambda row: local_part(row.person.address),
        "ADDRESS": lambda row: row.person.address,
        "DISPLAY_NAME": lambda row: row.person.display_name,
        "FIRST_NAME": lambda row: split_name(row.person.display_name)[0],
        "LAST_NAME": lambda row: split_name(row.person.display_name)[1],
        "COHORT": lambda row: row.person.cohort,
        "UNIT": lambda row: row.person.unit,
        "BATCH": lambda row: row.person.batch,
    }
)
# Nothing in them may change: somebody signs in with it.
INTACT = frozenset({"USER_ID", "USER_LOGIN", "ADDRESS", PASSWORD_FIELD})


def split_name(display_name: str) -> tuple[str, str]:
    """First and last name: words in capitals are the last name, as in `Anne MARTIN DUPONT`; else the last word is."""
    words = display_name.split()
    capitals = [word for word in words if len(word) > 1 and word.isupper()]
    if capitals and len(capitals) < len(words):
        return " ".join(word for word in words if word not in capitals), " ".join(capitals)
    return " ".join(words[:-1]), " ".join(words[-1:])


def template_problem(template: str) -> Problem:
    """Why a template cannot be used."""
    for found in _TOKEN.finditer(template):
        if found[0] == "%":
            return (
                "has a percent sign by itself",
                "Write %% for a percent sign, %USER_ID% for a field",
            )
        if found[1] and found[1] not in FIELDS:
            return f"has the field {found[1]}, which is not known", _nearest(found[1])
    if not any(found[1] for found in _TOKEN.finditer(template)):
        return "has no field", "Write a line such as %USER_ID%;%USER_PASSWORD%"
    return None


def fields_problem(fields: tuple[str, ...]) -> Problem:
    """Why a list of columns cannot be used."""
    for name in fields:
        if name not in FIELDS:
            return f"has the field {name}, which is not known", _nearest(name)
    if not fields or len(set(fields)) < len(fields):
        return "names no field, or one of them twice", "Name each column once"
    return None


def written(rows: Iterable[HandOutRow], form: HandOutPlan, *, has_header: bool = True) -> bytes:
    """The file of these rows; `has_header` off for all but the first of several pages.

    Raises:
        UnicodeEncodeError: a name has a letter that the encoding lacks; use UTF-8.
    """
    mark, codec = ENCODINGS[form.encoding]
    lines = [_header(form)] if has_header and form.header else []
    if form.template:
        lines += [_filled(form.template, row) for row in rows]
    else:
        lines += [
            _csv_line([_cell(name, row) for name in form.fields], form.separator) for row in rows
        ]
    text = "".join(f"{line}\r\n" for line in lines)
    return (mark if has_header else b"") + text.encode(codec)


def misread_count(rows: Iterable[HandOutRow], form: HandOutPlan) -> int:
    """How many rows a reader of the file may misread: a sign in any field that ends fields in the template, or a formula.

    Nothing is put into quotes in a template, so such a sign in a name moves the password into another column.
    """
    names, marks = _names(form), set(_between_fields(form.template))
    cells = ([_cell(name, row) for name in names] for row in rows)
    return sum(any(FORMULA.match(cell) or marks & set(cell) for cell in each) for each in cells)


def _between_fields(template: str) -> Iterator[str]:
    """The signs that end a field in a template: each first one behind a field."""
    for found in _TOKEN.finditer(template):
        following = template[found.end() : found.end() + 1]
        if found[1] and following and not following.isalnum():
            yield following


def _filled(template: str, row: HandOutRow) -> str:
    def put(found: re.Match[str]) -> str:
        return _cell(found[1], row) if found[1] else "%"

    return _TOKEN.sub(put, template)


def _header(form: HandOutPlan) -> str:
    if form.header != "*":
        return form.header
    return _csv_line(_names(form), form.separator)


def _names(form: HandOutPlan) -> tuple[str, ...]:
    """The fields of a line, in their order."""
    if form.template:
        return tuple(found[1] for found in _TOKEN.finditer(form.template) if found[1])
    return form.fields


def _csv_line(cells: Iterable[str], separator: str) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter=separator, lineterminator="").writerow(cells)
    return line.getvalue()


def _cell(name: str, row: HandOutRow) -> str:
    text = FIELDS[name](row)
    if name in INTACT:
        return text
    plain = " ".join(text.split())
    return f"'{plain}" if FORMULA.match(plain) else plain


def _nearest(name: str) -> str:
    close = get_close_matches(name.upper(), FIELDS, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(FIELDS)}"
