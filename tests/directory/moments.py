"""Moments of the directory's story at which its steps are tried."""

from activities.compare_directory import compare_directory
from activities.directory_wishes import ask_for_application, keep_upload
from activities.read_directory import read_directory
from bascule.domain.directory_objects.records import ChunkRequest, DirectoryRef
from bascule.domain.directory_objects.values import (
    Delegation,
    Right,
    WantedContact,
    WantedDirectory,
    WantedGroup,
    WantedMailbox,
)
from sandbox.in_process.simulation import Simulation
from sandbox.world.recipients import RecipientKind

OWNER, EVE = "owner@example.org", "eve@partner.example"
WANTED = WantedDirectory(
    groups=(WantedGroup("all@example.org", "Everybody", (OWNER,), (EVE, "late@example.org")),),
    mailboxes=(WantedMailbox("info@example.org", "Info"),),
    delegations=(Delegation("info@example.org", OWNER, Right.SEND_AS),),
    contacts=(WantedContact(EVE, "Eve"),),
)


def asked(simulation: Simulation) -> None:
    """Files are in force, and their application was asked for."""
    simulation.world.tenant.recipients.open_shared_mailbox(OWNER, OWNER, RecipientKind.USER_MAILBOX)
    keep_upload(simulation.ports, WANTED, OWNER)
    ask_for_application(simulation.ports, OWNER)


def compared(simulation: Simulation) -> None:
    """The tenant was compared, and nothing is done yet."""
    asked(simulation)
    compare_directory(simulation.ports, DirectoryRef())


def chunk(simulation: Simulation) -> ChunkRequest:
    """The next changes."""
    standing = read_directory(simulation.ports, DirectoryRef())
    return ChunkRequest(standing.plan_id, standing.position)
