"""The alias map port, on the world's alias rows."""

import re

from bascule.domain.alias_grants import AliasPowers
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.routes import AliasRow, Route, RouteSwitch, bypasses
from sandbox.bound.misfortune import may_not_arrive, reply_may_be_lost
from sandbox.world.naming import domain_of
from sandbox.world.world import World

WHAT = "alias map"

_SEPARATOR = re.compile(r"[,\s]+")


class WorldAliasMap:
    """The alias table as a database server would serve it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.denied = ""
        """What the server says when it refuses the account; empty: it does not."""

    def route(self, address: str) -> Route:
        """Every destination of the address, and of its domain's catch-all."""
        with self._world.kernel.look():
            self._world.calls["alias_map"] += 1
            self._arrive()
            return self._route(address)

    def bypasses(self, address: str, home: str) -> tuple[AliasRow, ...]:
        """Every row that leads to `home` past the address's own."""
        with self._world.kernel.look():
            self._world.calls["alias_map"] += 1
            may_not_arrive(self._world, WHAT)
            rows = [AliasRow(*row) for row in self._world.aliases.all_rows()]
            return bypasses(rows, address, home)

    def sources(self, domain: str) -> frozenset[str]:
        """Every address of the domain that has a row."""
        with self._world.kernel.look():
            self._world.calls["alias_map"] += 1
            self._arrive()
            held = {source.lower() for source, _ in self._world.aliases.all_rows()}
            return frozenset(each for each in held if domain_of(each) == domain.lower())

    def powers(self) -> AliasPowers:
        """Reading and changing, and nothing more."""
        with self._world.kernel.look():
            self._arrive()
            return AliasPowers(can_read=True, can_update=True)

    def switch(self, change: RouteSwitch) -> Route:
        """Replace `before` by `after` when that is the address's one destination."""
        with self._world.kernel.look():
            self._world.calls["alias_map"] += 1
            self._arrive()
            if self._is_to_do(change):
                self._write(change)
            reply_may_be_lost(self._world, WHAT)
            return self._route(change.address)

    def _arrive(self) -> None:
        may_not_arrive(self._world, WHAT)
        if self.denied:
            raise Refusal(Code.ALIAS_MAP_REFUSED, f"{WHAT}: {self.denied}")

    def _route(self, address: str) -> Route:
        return Route(
            address, self._destinations(address), self._destinations(f"@{domain_of(address)}")
        )

    def _is_to_do(self, change: RouteSwitch) -> bool:
        now = self._destinations(change.address)
        if not now:
            raise Refusal(Code.ALIAS_MISSING, f"{change.address} has no row in the alias map")
        if len(now) > 1:
            raise Refusal(
                Code.ALIAS_SECOND_DESTINATION, f"{change.address} delivers to {', '.join(now)}"
            )
        if now[0].lower() == change.after.lower():
            return False
        if now[0].lower() != change.before.lower():
            raise Refusal(
                Code.ALIAS_CHANGED,
                f"{change.address} delivers to {now[0]}, not to {change.before}",
            )
        return True

    def _write(self, change: RouteSwitch) -> None:
        rows = self._world.aliases.rows_of(change.address)
        # As it stands in the table: blanks around the address are part of the row.
        (row,) = (each for each in rows if each.strip())
        self._world.aliases.replace(change.address, row, change.after)

    def _destinations(self, source: str) -> tuple[str, ...]:
        rows = self._world.aliases.rows_of(source)
        return tuple(each for row in rows for each in _SEPARATOR.split(row) if each)
