"""What a database account may do with the alias map, read from the server's own list of grants.

Source: "SHOW GRANTS Statement", MySQL Reference Manual; "SHOW GRANTS", MariaDB Knowledge Base.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+) TO ", re.IGNORECASE)
_COLUMNS = re.compile(r"\s*\([^)]*\)")
_NEEDED = frozenset({"SELECT", "UPDATE"})
_NOTHING = "USAGE"
_EVERYTHING = "ALL PRIVILEGES"


@dataclass(frozen=True)
class AliasPowers:
    """What the app's account may do."""

    can_read: bool
    can_update: bool
    excess: tuple[str, ...] = ()
    """What is more than the app needs, in the server's words."""
    unread: tuple[str, ...] = ()
    """Lines that say something else, such as a role whose grants are not shown."""


def read_grants(lines: Iterable[str], database: str, table: str) -> AliasPowers:
    """The powers that the lines of SHOW GRANTS give on one table, and everything beside it."""
    held: set[str] = set()
    excess: list[str] = []
    unread: list[str] = []
    schema, _, name = table.rpartition(".")
    for line in lines:
        found = _GRANT.match(line)
        if found is None:
            unread.append(_without_secret(line))
            continue
        powers, where = _powers(found["what"]), found["where"].replace("`", "").replace('"', "")
        if powers == {_NOTHING}:
            continue
        reach = _reach(where, schema or database, name)
        held |= powers if reach else set()
        excess += _beyond(powers, where, reach)
        if "WITH GRANT OPTION" in line.upper():
            excess.append(f"GRANT OPTION on {where}")
    may_all = _EVERYTHING in held
    return AliasPowers(
        can_read=may_all or "SELECT" in held,
        can_update=may_all or "UPDATE" in held,
        excess=tuple(excess),
        unread=tuple(unread),
    )


def _powers(text: str) -> set[str]:
    return {part.strip().upper() for part in _COLUMNS.sub("", text).split(",")}


def _reach(where: str, schema: str, table: str) -> str:
    """How far a grant that covers the table goes; empty when it does not cover it."""
    plain = where.lower().replace("\\_", "_")
    if plain == f"{schema}.{table}".lower():
        return "table"
    return "wider" if plain in {f"{schema}.*".lower(), "*.*"} else ""


def _beyond(powers: set[str], where: str, reach: str) -> list[str]:
    if reach == "table":
        more = powers - _NEEDED
        return [f"{', '.join(sorted(more))} on {where}"] if more else []
    return [f"{', '.join(sorted(powers))} on {where}"]


def _without_secret(line: str) -> str:
    """A line without what stands behind IDENTIFIED: older servers show a digest of the password there."""
    return re.split(r"\s+IDENTIFIED\b", line, maxsplit=1, flags=re.IGNORECASE)[0]
