"""The simulated migration with its tenant asked over the wire, by the real adapters, and every remote call counted.

Time is virtual and only the simulation moves it, so that the same migration makes the same calls on any machine.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bascule.adapters.credential import LoopbackCredential
from bascule.adapters.exchange_online import ExchangeGateway, ExchangeOnline
from bascule.adapters.graph import GraphClient, GraphCloudMail, GraphDirectory, MailNotifier
from bascule.domain.codec import TYPE_KEY
from bascule.ports.bundle import Ports
from sandbox.bound.ports import BoundPorts
from sandbox.faces.server import Faces
from sandbox.in_process.simulation import Options, Simulation
from sandbox.in_process.witness import Witness
from sandbox.local_host.loader import AppFunction
from sandbox.local_host.worker import ActivityResult
from sandbox.world.world import World

REMOTE = ("graph", "exchange", "imap_sessions", "alias_map")
"""HTTP requests to Graph and to Exchange's gateway, IMAP sessions, statements on the alias table."""


@dataclass(frozen=True)
class Calls:
    """What one step has called, by the kind of service."""

    answered: Counter[str] = field(default_factory=Counter)
    """By runs of it that came to their answer."""
    too_early: Counter[str] = field(default_factory=Counter)
    """By looks that found nothing yet: they depend on how long the services take."""


class Counting(Witness):
    """A witness that notes whose remote calls the world has seen."""

    def __init__(self, make_client: Callable[[], Any], world: World) -> None:
        super().__init__(make_client)
        self._world = world
        self.steps: dict[str, Calls] = {}

    def call_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """One step; steps run one at a time here."""
        before = Counter(self._world.calls)
        result = super().call_activity(function, input_text)
        calls = self.steps.setdefault(function.name, Calls())
        paid = calls.too_early if _is_too_early(result) else calls.answered
        paid.update(Counter(self._world.calls) - before)
        return result


@dataclass(frozen=True)
class Wired:
    """A running migration, and what it has called so far."""

    simulation: Simulation
    counting: Counting

    def called(self, *but: str) -> Counter[str]:
        """How often each service was called by runs that came to their answer, those of some steps left out."""
        called = Counter[str]()
        for name, calls in self.counting.steps.items():
            if name not in but:
                called.update(calls.answered)
        return called


@contextmanager
def wired(options: Options) -> Iterator[Wired]:
    """Open the tenant's faces on loopback, and let the app of a simulation talk to them."""
    with ExitStack() as stack:
        over_the_wire = replace(
            options, change_ports=lambda world, ports: _over_the_wire(stack, world, ports)
        )
        simulation = stack.enter_context(Simulation(over_the_wire))
        counting = Counting(simulation.engine.client, simulation.world)
        counting.forbidden = simulation.witness.forbidden
        simulation.witness = simulation.engine.core.worker = counting
        yield Wired(simulation, counting)


def _over_the_wire(stack: ExitStack, world: World, ports: BoundPorts) -> Ports:
    said = stack.enter_context(Faces(world)).addresses
    credential = LoopbackCredential(
        said["token_url"],
        said["client_id"],
        said["client_secret"],
        lambda: world.kernel.now_utc().timestamp(),
    )
    tenant = ports.plan.tenant
    graph = GraphClient(credential, base_url=said["graph_url"])
    stack.callback(graph.close)
    base_url = str(said["exchange_url"]).partition("/adminapi")[0]
    gateway = ExchangeGateway(credential, tenant.tenant_id, base_url=base_url)
    stack.callback(gateway.close)
    mail = GraphCloudMail(graph)
    wire: Any = {
        "directory": GraphDirectory(graph),
        "cloud_mail": mail,
        "exchange": ExchangeOnline(gateway, tenant),
        "notifier": MailNotifier(mail, tenant),
    }
    return replace(ports, **wire)


def _is_too_early(result: ActivityResult) -> bool:
    reply = json.loads(result.result_json or "null")
    return isinstance(reply, dict) and reply.get(TYPE_KEY) == "Later"
