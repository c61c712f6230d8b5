"""All ports on one simulated world, storage in memory."""

from dataclasses import dataclass

from bascule.domain.plan import Plan
from sandbox.bound.alias_map import WorldAliasMap
from sandbox.bound.blob_store import MemoryBlobStore
from sandbox.bound.boards import MemoryBoards
from sandbox.bound.clock import WorldClock
from sandbox.bound.cloud_mail import WorldCloudMail
from sandbox.bound.directory import WorldDirectory
from sandbox.bound.documents import MemoryDocuments
from sandbox.bound.domains import WorldDomains
from sandbox.bound.exchange import WorldExchange
from sandbox.bound.journal import MemoryJournal
from sandbox.bound.ledger import MemoryLedger
from sandbox.bound.mail_flow import WorldMailFlow
from sandbox.bound.notifier import WorldNotifier
from sandbox.bound.public_dns import WorldPublicDns
from sandbox.bound.recipients import WorldRecipients
from sandbox.bound.secrets import MemorySecrets
from sandbox.bound.source_mail import WorldSourceMail
from sandbox.bound.source_submission import WorldSourceSubmission
from sandbox.bound.surroundings import WorldSurroundings
from sandbox.world.world import World


@dataclass(frozen=True)
class BoundPorts:
    """Implements `bascule.ports.bundle.Ports`; the storage is kept by its own type, so that one can look into it."""

    plan: Plan
    clock: WorldClock
    directory: WorldDirectory
    domains: WorldDomains
    exchange: WorldExchange
    recipients: WorldRecipients
    mail_flow: WorldMailFlow
    cloud_mail: WorldCloudMail
    alias_map: WorldAliasMap
    source_mail: WorldSourceMail
    surroundings: WorldSurroundings
    source_submission: WorldSourceSubmission
    public_dns: WorldPublicDns
    ledger: MemoryLedger
    journal: MemoryJournal
    boards: MemoryBoards
    documents: MemoryDocuments
    secrets: MemorySecrets
    blobs: MemoryBlobStore
    notifier: WorldNotifier


def bound_ports(world: World, plan: Plan) -> BoundPorts:
    """Every port of an app that lives in this world under this plan."""
    mail = WorldCloudMail(world)
    return BoundPorts(
        plan=plan,
        clock=WorldClock(world),
        directory=WorldDirectory(world),
        domains=WorldDomains(world),
        exchange=WorldExchange(world, plan.tenant),
        recipients=WorldRecipients(world),
        mail_flow=WorldMailFlow(world),
        cloud_mail=mail,
        alias_map=WorldAliasMap(world),
        source_mail=WorldSourceMail(world),
        surroundings=WorldSurroundings(world),
        source_submission=WorldSourceSubmission(world),
        public_dns=WorldPublicDns(world),
        ledger=MemoryLedger(),
        journal=MemoryJournal(),
        boards=MemoryBoards(),
        documents=MemoryDocuments(),
        secrets=MemorySecrets(),
        blobs=MemoryBlobStore(),
        notifier=WorldNotifier(mail, plan.tenant),
    )
