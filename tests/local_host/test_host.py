"""The host as a process of its own, asked over real sockets. Each host takes about 2 s to start."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from tests.local_host.conftest import APPS
from tests.local_host.hosting import REQUEST_TIMEOUT_S, RunningHost, running_host, until

DAY_IN_A_SECOND = ("--clock", "scaled:86400")


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder, with the settings file which is never committed."""
    folder = tmp_path_factory.mktemp("apps") / "hosted"
    shutil.copytree(APPS / "hosted", folder)
    values = {"HOSTED_WORD": "from file", "TICK_SCHEDULE": "0 0 0 1 1 *"}
    (folder / "local.settings.json").write_text(json.dumps({"Values": values}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def host(hosted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """One host for the tests which only ask."""
    state = tmp_path_factory.mktemp("host") / "state.sqlite"
    with running_host(hosted, state, *DAY_IN_A_SECOND) as running:
        yield running


def test_it_says_that_it_runs(host: RunningHost) -> None:
    """Scripts wait for this before they upload anything."""
    assert host.get("admin/host/status").json() == {"state": "Running"}


def test_http_functions_get_route_query_body_and_context(host: RunningHost) -> None:
    """An HTTP API which loses one of them is another API in production."""
    reply = httpx.post(f"{host.url}/v1/echo/abc/more?a=1", content=b"hello")

    assert (reply.status_code, reply.headers["X-Word"]) == (201, "w")
    assert reply.json() == {
        "route": {"word": "abc", "rest": "more"},
        "params": {"a": "1"},
        "body": "hello",
        "function": "echo",
    }


def test_wrong_paths_methods_and_failures_have_their_codes(host: RunningHost) -> None:
    """404, 405 and 500 are three different repairs; the text of a failure stays inside."""
    failed = host.get("v1/raises")

    assert host.get("v1/nothing").status_code == 404
    assert host.get("v1/echo/abc").status_code == 405
    assert (failed.status_code, failed.text) == (500, "")


def test_local_settings_and_the_clock_are_there_before_the_app_is_imported(
    host: RunningHost,
) -> None:
    """An app reads both at import; later is too late."""
    said = host.get("v1/clock").json()

    assert said["setting"] == "from file"
    assert said["factor"] == 86_400.0


def test_a_client_over_the_socket_starts_waits_and_rings(host: RunningHost) -> None:
    """The SDK's client is the only door into a running story."""
    assert host.post("v1/start/rings", {}).json() == {"n": 1}


def test_a_day_passes_in_a_second_of_a_scaled_clock(host: RunningHost) -> None:
    """A rehearsal shows a 24 h cycle while people watch."""
    slept_s = host.post("v1/start/sleeps", {"hours": 24}).json()

    assert slept_s >= 86_400


def test_the_management_api_is_served_on_both_ports(host: RunningHost) -> None:
    """People use the one, the SDK the other."""
    base = "runtime/webhooks/durabletask"
    started = host.post(f"{base}/orchestrators/rings/over-http?timeout=30&pollingInterval=0.05", {})
    through_rpc = httpx.get(f"{host.rpc_url}instances/over-http", timeout=REQUEST_TIMEOUT_S)

    assert (started.status_code, started.json()) == (200, '{"n": 1}')
    assert through_rpc.json()["runtimeStatus"] == "Completed"
    assert host.post(f"{base}/orchestrators/nobody").status_code == 400


def test_timers_run_at_start_and_by_hand(host: RunningHost) -> None:
    """An operator who cannot wait for midnight runs the timer himself."""
    before = len(host.get("v1/seen").json())

    assert host.post("admin/functions/tick", {"input": ""}).status_code == 202
    until(lambda: len(host.get("v1/seen").json()) > before)
    assert host.post("admin/functions/nobody", {}).status_code == 404
    assert {"tick": False} in host.get("v1/seen").json()


def test_a_schedule_fires_in_virtual_time(hosted: Path, tmp_path: Path) -> None:
    """Hourly jobs must run hourly on the story's clock, not on the wall's."""
    hourly = {"TICK_SCHEDULE": "0 0 * * * *"}
    state = tmp_path / "state.sqlite"
    with running_host(hosted, state, "--clock", "scaled:36000", env=hourly) as running:
        until(lambda: len(running.get("v1/seen").json()) >= 3)

    stored = sqlite3.connect(state)
    assert stored.execute("SELECT COUNT(*) FROM schedules").fetchone() == (1,)
    stored.close()


def test_an_upload_runs_its_function_once_and_a_bad_one_five_times(
    hosted: Path, tmp_path: Path, azurite: str
) -> None:
    """A batch read twice, or a broken one read for ever, would be the first thing to go wrong."""
    with BlobServiceClient.from_connection_string(azurite) as blobs:
        inbox = blobs.create_container("inbox")
        inbox.upload_blob("lot.csv", b"good")
        inbox.upload_blob("lot.txt", b"other")
        state = tmp_path / "state.sqlite"
        options, env = ("--storage", "BOX"), {"BOX": azurite}
        with running_host(hosted, state, *options, env=env) as running:
            inbox.upload_blob("nested/bad.csv", b"bad")
            until(lambda: _seen(running).count("inbox/nested/bad.csv") == 5)
            until(lambda: _poisoned(state) == ["inbox/nested/bad.csv"])
            assert _seen(running).count("inbox/lot.csv") == 1
            assert {"blob": "inbox/lot.csv", "length": 4, "content": "good"} in running.get(
                "v1/seen"
            ).json()
            running.post("admin/functions/upload", {"input": "inbox/lot.txt"})
            until(lambda: "inbox/lot.txt" in _seen(running))
        with running_host(hosted, state, *options, env=env) as running:
            inbox.upload_blob("lot.csv", b"better", overwrite=True)
            until(lambda: "inbox/lot.csv" in _seen(running))

            assert _seen(running) == ["inbox/lot.csv"]


def _seen(running: RunningHost) -> list[str]:
    return [one["blob"] for one in running.get("v1/seen").json() if "blob" in one]


def _poisoned(state: Path) -> list[str]:
    stored = sqlite3.connect(state)
    rows = stored.execute("SELECT blob FROM receipts WHERE state='poison'").fetchall()
    stored.close()
    return [row[0] for row in rows]
