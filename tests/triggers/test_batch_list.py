"""The list of batches: whoever counts on it for D-day finds every name that was uploaded."""

import asyncio
import json
from typing import Any

import azure.functions as func
import pytest

import triggers.http_api
from sandbox.in_process.simulation import Options, Simulation


def listed() -> dict[str, tuple[str, int]]:
    """{name: (state, rows)} as the route answers."""
    handler: Any = triggers.http_api.list_batches
    request = func.HttpRequest("GET", "https://app/api/batches", body=b"")
    said = asyncio.run(handler._function._func(request))
    answer = json.loads(said.get_body())
    return {line["batch"]: (line["state"], line["rows"]) for line in answer["batches"]}


def test_a_batch_that_was_refused_whole_is_listed_until_a_good_file_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An operator who counts the batches in the evening would not miss the one that is not there."""
    monkeypatch.delenv("BASCULE_SIGN_IN", raising=False)
    with Simulation(Options(people_count=2, messages_each=1)) as simulation:
        monkeypatch.setattr(triggers.http_api, "ports", lambda: simulation.ports)
        anna, ben = simulation.people
        simulation.upload(simulation.csv([anna]))
        simulation.upload(b"Email;Login;Password\r\n", "lot-7")
        assert listed() == {"lot-1": ("running", 1), "lot-7": ("refused", 0)}

        simulation.upload(simulation.csv([ben]), "lot-7")
        assert listed() == {"lot-1": ("running", 1), "lot-7": ("running", 1)}
