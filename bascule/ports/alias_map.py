"""The table behind Postfix `virtual_alias_maps`."""

from typing import Protocol

from bascule.domain.alias_grants import AliasPowers
from bascule.domain.routes import AliasRow, Route, RouteSwitch


class AliasMap(Protocol):
    """The alias map of the plan. Addresses are compared without regard to case, as Postfix folds keys.

    Every method may raise Unreachable, Untrusted (its certificate does not verify) and Refusal(ALIAS_MAP_REFUSED): the
    server refuses the account or the table.
    """

    def route(self, address: str) -> Route:
        """Every row of the address, and the catch-all row of its domain; nothing found is an empty route."""
        ...

    def bypasses(self, address: str, home: str) -> tuple[AliasRow, ...]:
        """The rows, those of the address left out, by which mail reaches `home` past the address's own row.

        Catch-all rows count, and so does each of several destinations in one row. Sorted, at most BYPASS_COUNT_MAX.
        Every call reads the whole table, without a lock.
        """
        ...

    def sources(self, domain: str) -> frozenset[str]:
        """Every address of the domain that has a row, lower case; its catch-all row as `@example.org`.

        Every call reads the whole table, without a lock. Raises Refusal(ALIAS_MAP_REFUSED) rather than cut a list short.
        """
        ...

    def powers(self) -> AliasPowers:
        """What the app's account may do with the map, and what is more than that, as the server says."""
        ...

    def switch(self, change: RouteSwitch) -> Route:
        """Replace `before` by `after` in one transaction, read back before it commits; answer the route now in force.

        Found already at `after`, nothing is written and the same route is answered.

        Raises:
            Refusal(ALIAS_CHANGED): the row is neither `before` nor `after`; somebody moved it meanwhile.
            Refusal(ALIAS_MISSING): there is no row.
            Refusal(ALIAS_SECOND_DESTINATION): another row of the address would keep a copy.
        """
        ...
