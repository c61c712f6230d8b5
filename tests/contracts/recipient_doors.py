"""The recipients port through both doors of one simulated tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bascule.adapters.exchange_online.gateway import ExchangeGateway
from bascule.adapters.exchange_online.recipients import ExchangeRecipients
from bascule.adapters.graph import GraphClient
from bascule.adapters.graph.memberships import GraphMemberships
from bascule.ports.recipients import Recipients
from sandbox.bound.recipients import WorldRecipients
from sandbox.faces.server import Faces
from sandbox.world.cloud import CloudMailbox
from sandbox.world.world import World
from tests.contracts.tenant_doors import Tenant, TokenFaceCredential


def open_mailbox(world: World, address: str) -> CloudMailbox:
    """A user mailbox of the tenant, as provisioning leaves it."""
    local = address.partition("@")[0]
    routing = world.naming.routing_address(address)
    mailbox = CloudMailbox(
        f"u-{local}", f"g-{local}", address, {address, routing}, world.kernel.now_utc()
    )
    world.tenant.mailboxes.open(mailbox)
    return mailbox


class OneToken:
    """A token for each scope, asked for once: thousands of calls would ask for thousands."""

    def __init__(self, desk: TokenFaceCredential) -> None:
        self._desk = desk
        self._tokens: dict[str, Any] = {}

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """The token of this scope."""
        if scopes[0] not in self._tokens:
            self._tokens[scopes[0]] = self._desk.get_token(scopes[0])
        return self._tokens[scopes[0]]


@contextmanager
def recipients(door: str, of: Tenant) -> Iterator[Recipients]:
    """The port through one of the doors."""
    if door == "world":
        yield WorldRecipients(of.world)
        return
    with Faces(of.world) as faces:
        addresses = faces.addresses
        credential = OneToken(TokenFaceCredential(addresses))
        base_url = addresses["exchange_url"].partition("/adminapi")[0]
        gateway = ExchangeGateway(credential, of.plan.tenant_id, base_url=base_url)
        graph = GraphClient(credential, base_url=addresses["graph_url"])
        try:
            yield ExchangeRecipients(gateway, GraphMemberships(graph))
        finally:
            graph.close()
            gateway.close()
