"""The recipients port, on the world's tenant: the adapter's own words, spoken to the cmdlets without a wire."""

from collections.abc import Mapping, Sequence
from typing import Any

from bascule.adapters.exchange_online.encoding import Row, without_annotations
from bascule.adapters.exchange_online.errors import KINDS_BY_TYPE, CmdletRefused, Kind
from bascule.adapters.exchange_online.recipients import ExchangeRecipients
from bascule.domain.codes import Code
from sandbox.bound.exchange_call import exchange_call
from sandbox.bound.graph_call import graph_call
from sandbox.faces.exchange_catalogue import CMDLETS
from sandbox.faces.exchange_cmdlet import Session
from sandbox.faces.exchange_encoding import encoded
from sandbox.faces.graph_groups import GROUP_READERS
from sandbox.world.exchange_refusals import ExchangeRefusal
from sandbox.world.world import World

PAGE_SIZE = 1_000
BATCH_COUNT = 10


class WorldRecipients(ExchangeRecipients):
    """Implements `bascule.ports.recipients.Recipients`."""

    def __init__(self, world: World) -> None:
        super().__init__(WorldCmdlets(world), WorldMemberships(world))


class WorldCmdlets:
    """Cmdlets on the world, counted as the gateway would be asked."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, cmdlet: str, parameters: Mapping[str, Any]) -> tuple[Row, ...]:
        """One cmdlet, with its weather."""
        with exchange_call(self._world, cmdlet):
            rows = self._rows(cmdlet, parameters)
            self._world.calls["exchange"] += max(0, len(rows) - 1) // PAGE_SIZE
        return rows

    def read_each(
        self, cmdlet: str, parameter_sets: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Row, ...] | CmdletRefused, ...]:
        """Ten sets of parameters at a time share one call's weather."""
        answers: list[tuple[Row, ...] | CmdletRefused] = []
        for first in range(0, len(parameter_sets), BATCH_COUNT):
            with exchange_call(self._world, cmdlet):
                answers += [
                    self._answer(cmdlet, each)
                    for each in parameter_sets[first : first + BATCH_COUNT]
                ]
        return tuple(answers)

    def _answer(
        self, cmdlet: str, parameters: Mapping[str, Any]
    ) -> tuple[Row, ...] | CmdletRefused:
        try:
            return self._rows(cmdlet, parameters)
        except CmdletRefused as no:
            return no

    def _rows(self, cmdlet: str, parameters: Mapping[str, Any]) -> tuple[Row, ...]:
        found = CMDLETS[cmdlet.lower()]
        arguments = found.bind(parameters, self._world.tenant.exchange_roles)
        try:
            rows = found.run(Session(self._world), arguments)
        except ExchangeRefusal as no:
            kind = KINDS_BY_TYPE.get(no.net_type.rpartition(".")[2], Kind.OTHER)
            raise CmdletRefused(
                kind, Code.REQUEST_REJECTED, f"{cmdlet}: {no.text}", no.text
            ) from no
        return tuple(without_annotations(encoded(row)) for row in rows)


class WorldMemberships:
    """The directory's list of members, as a reader sees them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def listed_members(self) -> Mapping[str, frozenset[str]]:
        """One call's weather for all of it."""
        groups = self._world.tenant.groups
        with graph_call(self._world, "graph.GET groups", GROUP_READERS):
            return {
                group.guid: frozenset(
                    member.external_directory_id for member in groups.members_seen(group.guid)
                )
                for group in groups.seen()
            }
