"""What both databases share: how rows become a route, which switch of a route is allowed, and where to look past it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bascule.domain.addresses import domain_of, local_part, normal_address
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.plan import AliasMapPlan
from bascule.domain.routes import AliasRow, Route, RouteSwitch, bypasses

# What is looked through for one home: names like its own, at the most a whole table of one domain. A larger answer
# would be cut somewhere, and the row that matters lost.
LIKE_HOME_COUNT_MAX = 200_000
# As many addresses of one domain are listed at once; a longer list would be cut, and look whole.
SOURCE_COUNT_MAX = 200_000
# No backslash: whether a server takes it for an escape depends on its sql_mode.
LIKE_ESCAPE = "!"

# A person's address has one row, or a few; far more means that the wrong column was configured.
ROWS_PER_ADDRESS_MAX = 100

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_COLUMN = re.compile(_NAME)
_TABLE = re.compile(rf"(?:{_NAME}\.)?{_NAME}")


@dataclass(frozen=True)
class Names:
    """Table and columns, quoted for the database."""

    table: str
    source: str
    destination: str


def quoted_names(plan: AliasMapPlan, quote: str) -> Names:
    """The plan's names between `quote` characters; `schema.table` is quoted part by part.

    Raises:
        Refusal(ALIAS_MAP_REFUSED): a name that could be anything but a name.
    """
    for name, pattern in (
        (plan.table, _TABLE),
        (plan.source_column, _COLUMN),
        (plan.destination_column, _COLUMN),
    ):
        if not pattern.fullmatch(name):
            raise Refusal(Code.ALIAS_MAP_REFUSED, f"{name!r} is no name of a table or column")
    table = ".".join(f"{quote}{part}{quote}" for part in plan.table.split("."))
    return Names(
        table, f"{quote}{plan.source_column}{quote}", f"{quote}{plan.destination_column}{quote}"
    )


def catch_all_of(address: str) -> str:
    """The key that Postfix asks when an address has no row of its own."""
    return f"@{domain_of(normal_address(address))}"


def route_from(address: str, rows: Sequence[AliasRow]) -> Route:
    """The route that these rows, the address's and its domain's, make.

    Raises:
        Refusal(ALIAS_MAP_REFUSED): more rows than any address has.
    """
    if len(rows) > ROWS_PER_ADDRESS_MAX:
        raise Refusal(
            Code.ALIAS_MAP_REFUSED,
            f"{address} has more than {ROWS_PER_ADDRESS_MAX} rows; check the plan's column names",
        )
    own = [row for row in rows if not _is_catch_all(row)]
    domain_wide = [row for row in rows if _is_catch_all(row)]
    return Route(address, _destinations(own), _destinations(domain_wide))


def like_home(home: str) -> tuple[str, str]:
    """LIKE patterns, LIKE_ESCAPE before wildcards: every row that can lead to `home` is like one of the two.

    Far from all of them do: `ann@…` is in `joann@…` too, and an extension may stand before the @. The first place of a
    row may hold the domain alone.
    """
    local, domain = (_escaped(part(normal_address(home))) for part in (local_part, domain_of))
    return f"%{local}%@{domain}%", f"@{domain}%"


def like_domain(domain: str) -> str:
    """The LIKE pattern, LIKE_ESCAPE before wildcards, of every address of the domain and of its catch-all."""
    return f"%@{_escaped(normal_address(domain))}"


def sources_among(sources: Sequence[str], domain: str) -> frozenset[str]:
    """The addresses, each once.

    Raises:
        Refusal(ALIAS_MAP_REFUSED): more than can be listed.
    """
    if len(sources) > SOURCE_COUNT_MAX:
        raise Refusal(Code.ALIAS_MAP_REFUSED, f"more than {SOURCE_COUNT_MAX} rows are of {domain}")
    return frozenset(map(normal_address, sources))


def bypasses_among(rows: Sequence[AliasRow], address: str, home: str) -> tuple[AliasRow, ...]:
    """Those of the rows like `home` that lead past the address.

    Raises:
        Refusal(ALIAS_MAP_REFUSED): more rows than can be looked through.
    """
    if len(rows) > LIKE_HOME_COUNT_MAX:
        raise Refusal(
            Code.ALIAS_MAP_REFUSED,
            f"more than {LIKE_HOME_COUNT_MAX} rows hold something like {home}; check the plan's column names",
        )
    return bypasses(rows, address, home)


def row_to_change(change: RouteSwitch, rows: Sequence[AliasRow]) -> AliasRow | None:
    """The one row that the switch replaces; None when the route is at `after` already.

    Rows of the domain's catch-all among `rows` do not count. A second destination is named before a changed one,
    because it would keep a copy of every message.

    Raises:
        Refusal(ALIAS_MISSING | ALIAS_SECOND_DESTINATION | ALIAS_CHANGED): as the port says.
    """
    own = [row for row in rows if not _is_catch_all(row)]
    destinations = _destinations(own)
    if not destinations:
        raise Refusal(Code.ALIAS_MISSING, f"{change.address} has no row in the alias map")
    if len(destinations) > 1:
        raise Refusal(
            Code.ALIAS_SECOND_DESTINATION,
            f"{change.address} delivers to {len(destinations)} destinations: {', '.join(destinations)}",
        )
    if _is_same(destinations[0], change.after):
        return None
    if not _is_same(destinations[0], change.before):
        raise Refusal(
            Code.ALIAS_CHANGED,
            f"{change.address} delivers to {destinations[0]}, not to {change.before}",
        )
    return next(row for row in own if _destinations([row]))


def check_changed(change: RouteSwitch, changed_count: int, now: Route) -> None:
    """Refuse to commit unless one row was changed and reads back as wished."""
    if changed_count != 1 or now.destinations != (change.after,):
        raise Refusal(
            Code.ALIAS_CHANGED,
            f"switching {change.address} changed {changed_count} rows and left "
            f"{', '.join(now.destinations) or 'none'}; nothing was committed",
        )


def _destinations(rows: Sequence[AliasRow]) -> tuple[str, ...]:
    return tuple(destination for row in rows for destination in row.destinations)


def _escaped(text: str) -> str:
    return re.sub(f"[%_{LIKE_ESCAPE}]", rf"{LIKE_ESCAPE}\g<0>", text)


def _is_catch_all(row: AliasRow) -> bool:
    # Which rows belong to the address is the database's judgement: its collation may take more spellings for the same
    # than we would, and Postfix, asking the same database, delivers to all of them.
    return row.source.lstrip().startswith("@")


def _is_same(one: str, other: str) -> bool:
    return normal_address(one) == normal_address(other)
