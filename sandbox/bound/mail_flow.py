"""The mail flow port, on the world's tenant: the same words as over the wire, each cmdlet run without a protocol."""

import json
from collections.abc import Mapping
from typing import Any

from bascule.adapters.exchange_online.encoding import Row, without_annotations
from bascule.adapters.exchange_online.errors import Failure, domain_error
from bascule.adapters.exchange_online.mail_flow import ExchangeMailFlow
from sandbox.bound.exchange_call import exchange_call
from sandbox.faces.exchange_catalogue import CMDLETS
from sandbox.faces.exchange_cmdlet import Session
from sandbox.faces.exchange_encoding import encoded
from sandbox.world.exchange_refusals import ExchangeRefusal
from sandbox.world.world import World

# What the gateway answers with when a cmdlet refuses.
REFUSED_STATUS = 400


class WorldMailFlow(ExchangeMailFlow):
    """Implements `bascule.ports.mail_flow.MailFlow`."""

    def __init__(self, world: World) -> None:
        super().__init__(WorldCmdlets(world))


class WorldCmdlets:
    """Runs the cmdlets of the simulated gateway in the world itself, and remembers which."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, cmdlet: str, parameters: Mapping[str, Any]) -> tuple[Row, ...]:
        """The rows of one cmdlet, as JSON would carry them."""
        found = CMDLETS[cmdlet.lower()]
        with exchange_call(self._world, found.name):
            arguments = found.bind(parameters, self._world.tenant.exchange_roles)
            try:
                rows = found.run(Session(self._world), arguments)
            except ExchangeRefusal as no:
                failure = Failure(REFUSED_STATUS, type(no).net_type, no.text)
                raise domain_error(found.name, failure) from no
            return tuple(without_annotations(json.loads(json.dumps(encoded(row)))) for row in rows)
