"""Batches over HTTP: who uploaded and who accepted stands in the journal, and a way back can be seen."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import triggers.http_api
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Options, Simulation
from tests.activities.moments import amended, changed, first, migrated, synced
from tests.triggers.signed_in import ANNA, principal
from triggers.views import batch_view, mailbox_view


class Bell:
    """A durable client whose stories run and hear every bell."""

    async def get_status(self, instance_id: str) -> Any:
        """It runs."""
        del instance_id
        return SimpleNamespace(runtime_status="Running")

    async def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Heard."""


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """One person, behind the API; Anna signs in and approves."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "required")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    with Simulation(Options(people_count=1)) as made:
        monkeypatch.setattr(triggers.http_api, "ports", lambda: made.ports)
        yield made


def post(handler: Any, *more: Any, body: bytes = b"", **params: str) -> int:
    """Status of the answer to Anna."""
    work = handler._function._func
    asked = func.HttpRequest(
        "POST",
        "https://app/api/x",
        headers={"x-ms-client-principal": principal("Approver")},
        params=params,
        route_params={"batch": BATCH},
        body=body,
    )
    return int(asyncio.run(getattr(work, "client_function", work)(asked, *more)).status_code)


def signed(simulation: Simulation, effect: str) -> list[str]:
    """Who stands in the journal with an effect on the whole batch."""
    entries = simulation.ports.journal.entries(BATCH)
    return [each.asked_by for each in entries if (each.effect, each.key) == (effect, "")]


def test_the_journal_names_who_uploaded_a_file(simulation: Simulation) -> None:
    """A file that sets tonight's date is a cutover; the file itself does not say whose."""
    status = post(triggers.http_api.upload_batch, name=BATCH, body=simulation.csv())

    assert status == 202
    assert signed(simulation, "upload") == [ANNA]


def test_the_journal_names_who_accepted_a_changed_file(simulation: Simulation) -> None:
    """Whoever accepts it moves people; months later somebody asks who that was."""
    changed(simulation)
    simulation.knock()
    simulation.settle()
    batch = simulation.batch()
    assert batch is not None
    pending = batch.pending_fingerprint
    assert post(triggers.http_api.accept_difference, Bell(), fingerprint=pending) == 202
    assert post(triggers.http_api.accept_difference, Bell(), fingerprint="another") == 409

    accepted = simulation.batch()
    assert accepted is not None
    assert (accepted.accepted_fingerprint, accepted.accepted_by) == (pending, ANNA)
    assert signed(simulation, "difference accepted") == [ANNA]


def test_a_way_back_can_be_seen(simulation: Simulation) -> None:
    """Who looks right after the rollback reads MIGRATED, asks once more, and tells the user that nothing happens."""
    migrated(simulation)
    began_utc = simulation.clock.now_utc()
    amended(simulation, lambda row: replace(row, rollback_began_utc=began_utc))
    batch = simulation.batch()
    assert batch is not None
    shown = batch_view(simulation.ports, batch)

    assert (shown["stages"], shown["on_the_way_back"]) == ({}, 1)
    assert mailbox_view(first(simulation))["rollback_began_utc"] is not None

    amended(
        simulation,
        lambda row: replace(row, stage=Stage.SET_ASIDE, resume_stage=Stage.MIGRATED),
    )
    shown = batch_view(simulation.ports, batch)
    assert (shown["stages"], shown["on_the_way_back"]) == ({"SET_ASIDE": 1}, 0)


def test_a_cutover_that_has_begun_can_be_seen_and_where_home_was(simulation: Simulation) -> None:
    """For hours of the hold the stage is SYNCED; and whoever has to put an alias back reads what it was."""
    synced(simulation)
    assert mailbox_view(first(simulation))["detach_began_utc"] is None
    simulation.ask_cutover()
    simulation.run_until(lambda: first(simulation).left_group_utc is not None)
    shown = mailbox_view(first(simulation))

    assert shown["stage"] == "SYNCED"
    assert shown["detach_began_utc"] is not None
    home = simulation.world.naming.source_address(simulation.people[0].address)
    assert shown["route_home"] == home
