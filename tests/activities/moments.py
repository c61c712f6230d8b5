"""Moments of a migration at which a step is tried: each is a simulated life, lived so far and held."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from activities.adopt_tenant import adopt_tenant
from activities.file_difference import file_difference
from activities.register_batch import register_batch
from activities.registration import reply_of
from activities.reserve_seats import reserve_seats
from activities.validate_upload import validate_upload
from bascule.domain.codec import Json, encode
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import PREPARATION, Preparation
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.coexistence import RULE_NAME
from sandbox.world.verdict import canonical_state

REF = BatchRef(BATCH)


def uploaded(simulation: Simulation) -> None:
    """A file lies where uploads are expected, and nobody has looked yet."""
    simulation.ports.blobs.upload(BATCH, simulation.csv())


def registered(simulation: Simulation) -> None:
    """Every row is in the ledger; no story runs."""
    uploaded(simulation)
    validate_upload(simulation.ports, REF)
    reserve_seats(simulation.ports, REF)
    register_batch(simulation.ports, REF)


def licensed(simulation: Simulation) -> None:
    """The story has licensed the account; the mailbox is not open yet."""
    simulation.upload()


def coexisting(simulation: Simulation) -> None:
    """Member of the group; no sync batch yet."""
    simulation.upload()
    simulation.run_until_all(Stage.COEXISTING)


def synced(simulation: Simulation) -> None:
    """Everything was copied once; the first delta is days away."""
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)


def given_up(simulation: Simulation) -> None:
    """It was asked to be abandoned, and its story has not looked yet."""
    synced(simulation)
    amended(simulation, lambda row: replace(row, wish=Wish.ABANDON))


def changed(simulation: Simulation) -> None:
    """A changed file lies there for a batch that runs."""
    synced(simulation)
    anna = simulation.people[0].address
    simulation.ports.blobs.upload(BATCH, simulation.csv(DisplayName={anna: "Anna Nouvelle"}))


def accepted(simulation: Simulation) -> None:
    """The operator has accepted the changed file."""
    changed(simulation)
    file_difference(simulation.ports, REF)
    simulation.ports.ledger.amend_batch(
        BATCH, lambda row: replace(row, accepted_fingerprint=row.pending_fingerprint)
    )


def detached(simulation: Simulation) -> None:
    """Out of the group, proven; the alias still points home."""
    synced(simulation)
    simulation.ask_cutover()
    simulation.run_until(lambda: first(simulation).left_group_utc is not None)


def proven(simulation: Simulation) -> None:
    """DETACHED is recorded; the alias still points home."""
    detached(simulation)
    amended(simulation, lambda row: replace(row, stage=Stage.DETACHED))


def amended(simulation: Simulation, change: Callable[[MailboxRecord], MailboxRecord]) -> None:
    """The first person's row, changed."""
    place = ref(simulation)
    simulation.ports.ledger.amend_mailbox(place.batch, place.key, change)


def redirected(simulation: Simulation) -> None:
    """The alias points at the tenant; the last sync is to come."""
    synced(simulation)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)


def migrated(simulation: Simulation) -> None:
    """The user has moved, and has got mail since."""
    synced(simulation)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.mail_to(simulation.people[0].address)
    simulation.pass_time(hours=1)


def preparing(simulation: Simulation) -> None:
    """Somebody has asked for the preparation, and the rule was disabled by hand."""
    ports = simulation.ports
    wish = Preparation("operator@example.org", ports.clock.now_utc())
    ports.documents.amend(PREPARATION, Preparation, lambda _: wish)
    rules = simulation.world.tenant.rules
    rules.change_rule(replace(rules.rule_written(RULE_NAME), is_enabled=False))


def drifted(simulation: Simulation) -> None:
    """The tenant was adopted, and then the rule was disabled by hand."""
    adopt_tenant(simulation.ports, "operator@example.org")
    preparing(simulation)


def left_out(simulation: Simulation) -> None:
    """Everything was copied once; somebody has emptied the group."""
    synced(simulation)
    groups = simulation.world.tenant.groups
    for member in groups.members(simulation.names.group_address):
        groups.remove_member(simulation.names.group_address, member.primary_address)


def first(simulation: Simulation) -> MailboxRecord:
    """The row of the first person."""
    return simulation.record_of(simulation.people[0].address)


def ref(simulation: Simulation) -> MailboxRef:
    """How steps name the first person's mailbox."""
    return MailboxRef(BATCH, first(simulation).key)


def asked(simulation: Simulation, work: Any, request: object) -> Json:
    """One run of a step: its reply as the story would get it."""
    return reply_of(work.__name__, lambda: work(simulation.ports, request))


def state_of(simulation: Simulation) -> dict[str, Any]:
    """Everything that a step may change, times of looks left out."""
    ports = simulation.ports
    return {
        "world": canonical_state(simulation.world),
        "batches": list(ports.ledger.batches()),
        "mailboxes": [encode(row) for row in ports.ledger.mailboxes(BATCH)],
        "claims": ports.ledger.claimed(),
        "secrets": ports.secrets.kept_count(BATCH),
        "reports": dict(ports.blobs.reports),
        "archive": dict(ports.blobs.archive),
        "upload": ports.blobs.find_upload(BATCH),
        "alerts": list(ports.notifier.alerts),
        "sync": sorted(batch.name for batch in simulation.world.tenant.migration.batches()),
    }
