"""Schedules, routes, blob paths, settings: what triggers are made of."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.local_host.blob_triggers import POISON, Receipts, compile_path
from sandbox.local_host.clock import ScaledClock, VirtualClock, factor_from_text
from sandbox.local_host.http_triggers import compile_route
from sandbox.local_host.loader import AppInvalidError, import_app, index
from sandbox.local_host.settings import SettingMissingError, read_host_settings, resolve
from sandbox.local_host.store import Store
from sandbox.local_host.timer_triggers import Schedule
from tests.local_host.conftest import NEW_YEAR_UTC

# Instants are kept in whole microseconds.
CLOCK_GRAIN_S = 1e-5
FRIDAY_UTC = datetime(2026, 1, 2, 10, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", datetime(2026, 1, 2, 10, 5, tzinfo=UTC)),
        ("30 0 9 * * MON-FRI", datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC)),
        ("0 0 0 1 * *", datetime(2026, 2, 1, tzinfo=UTC)),
        ("0 0 12 13 * FRI", datetime(2026, 2, 13, 12, 0, tzinfo=UTC)),
    ],
)
def test_schedules_have_six_fields_and_seconds_first(expression: str, expected: datetime) -> None:
    """Five-field habits would run a daily job every hour."""
    assert Schedule(expression).after(FRIDAY_UTC) == expected


@pytest.mark.parametrize("expression", ["*/5 * * * *", "0 0 25 * * *", "hourly"])
def test_other_schedules_are_refused_at_start(expression: str) -> None:
    """A schedule which never fires must not start silently."""
    with pytest.raises(AppInvalidError):
        Schedule(expression)


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("a/{id}", "a/7", {"id": "7"}),
        ("a/{id:int}", "a/x", None),
        ("a/{id:int}", "A/7/", {"id": "7"}),
        ("a/{id?}", "a", {"id": None}),
        ("a/{*rest}", "a/b/c", {"rest": "b/c"}),
        ("a/{name}.csv", "a/x.csv", {"name": "x"}),
        ("a/{id}", "a/7/b", None),
    ],
)
def test_route_templates_match_as_in_aspnet(
    template: str, path: str, expected: dict[str, str] | None
) -> None:
    """A route which differs here would be a 404 in production."""
    found = compile_route(template)[0].fullmatch(path)

    assert (found.groupdict() if found else None) == expected


def test_literal_segments_go_before_parameters() -> None:
    """`/batches/new` must not be taken for the batch called new."""
    assert compile_route("a/new")[1] < compile_route("a/{id}")[1]


@pytest.mark.parametrize(
    ("pattern", "blob", "expected"),
    [
        ("inbox/{name}.csv", "lot.csv", {"name": "lot"}),
        ("inbox/{name}.csv", "lot.txt", None),
        ("inbox/{folder}/{name}.csv", "2026/lot.csv", {"folder": "2026", "name": "lot"}),
        ("inbox/{name}", "2026/lot.csv", {"name": "2026/lot.csv"}),
    ],
)
def test_blob_paths_bind_their_parameters(
    pattern: str, blob: str, expected: dict[str, str] | None
) -> None:
    """An upload which matches nothing is silently ignored."""
    found = compile_path(pattern).pattern.fullmatch(blob)

    assert (found.groupdict() if found else None) == expected


def test_a_blob_is_given_up_after_five_tries() -> None:
    """A broken file must not be tried for ever, nor given up too soon."""
    store = Store()
    receipts = Receipts(store, VirtualClock(NEW_YEAR_UTC), 5)
    states = []
    for _ in range(5):
        receipts.begin_try("f", "inbox/lot.csv", "1")
        states.append(receipts.end_try("f", "inbox/lot.csv", "1", succeeded=False))

    assert states[:4] == ["trying"] * 4
    assert states[4] == POISON
    assert Receipts(store, VirtualClock(NEW_YEAR_UTC), 5).is_settled("f", "inbox/lot.csv", "1")
    assert receipts.poisoned() == [("f", "inbox/lot.csv")]
    store.close()


def test_a_new_version_of_a_blob_is_a_new_blob() -> None:
    """A corrected file uploaded over the wrong one must be read."""
    store = Store()
    receipts = Receipts(store, VirtualClock(NEW_YEAR_UTC), 5)
    receipts.begin_try("f", "inbox/lot.csv", "1")
    receipts.end_try("f", "inbox/lot.csv", "1", succeeded=True)

    assert receipts.is_settled("f", "inbox/lot.csv", "1")
    assert not receipts.is_settled("f", "inbox/lot.csv", "2")
    store.close()


def test_settings_in_bindings_are_resolved_or_refused() -> None:
    """A binding on an empty name would watch the wrong container."""
    assert resolve("%BOX%/{name}", {"BOX": "inbox"}) == "inbox/{name}"
    with pytest.raises(SettingMissingError):
        resolve("%BOX%", {})


def test_host_json_is_read_and_its_gaps_have_the_products_defaults(tmp_path: Path) -> None:
    """The same file drives production."""
    durable = {"hubName": "Hub", "maxConcurrentActivityFunctions": 3}
    document = {"extensions": {"http": {"routePrefix": "v1"}, "durableTask": durable}}
    (tmp_path / "host.json").write_text(json.dumps(document), "utf-8")
    settings = read_host_settings(tmp_path)

    assert (settings.route_prefix, settings.hub_name) == ("v1", "Hub")
    assert (settings.concurrent_activity_max, settings.poison_blob_threshold) == (3, 5)


def test_an_app_with_two_function_apps_is_refused(tmp_path: Path) -> None:
    """The worker refuses it as well."""
    text = "import azure.functions as f\na = f.FunctionApp()\nb = f.FunctionApp()\n"
    (tmp_path / "function_app.py").write_text(text, "utf-8")
    with pytest.raises(AppInvalidError, match="2 FunctionApp objects"):
        index(import_app(tmp_path))


def test_a_parameter_without_a_binding_is_refused(tmp_path: Path) -> None:
    """The worker refuses it as well."""
    text = (
        "import azure.functions as f\napp = f.FunctionApp()\n"
        "@app.route(route='x')\ndef x(req: f.HttpRequest, extra): ...\n"
    )
    (tmp_path / "function_app.py").write_text(text, "utf-8")
    with pytest.raises(AppInvalidError, match="parameters without a binding"):
        index(import_app(tmp_path))


def test_a_scaled_clock_survives_its_text() -> None:
    """A restarted host must go on along the same line of time."""
    clock = ScaledClock(NEW_YEAR_UTC, NEW_YEAR_UTC, 20_000.0)

    assert ScaledClock.from_json(clock.to_json()) == clock


def test_a_day_takes_four_seconds_at_twenty_thousand_times() -> None:
    """The rehearsal's patience is calculated from this."""
    before_s = time.monotonic()
    clock = ScaledClock.starting_now(20_000.0)
    delay_s = clock.real_delay_s(clock.anchor_virtual_utc + timedelta(days=1))
    passed_s = time.monotonic() - before_s

    assert 4.32 - passed_s - CLOCK_GRAIN_S <= delay_s <= 4.32


def test_a_fast_clock_left_alone_stops_at_the_end_of_time() -> None:
    """A host started again after weeks must say what it has, not crash."""
    assert ScaledClock(NEW_YEAR_UTC, NEW_YEAR_UTC, 1e9).now_utc().year == 9999


def test_a_change_of_speed_does_not_turn_time_back() -> None:
    """Timers which were due must stay due."""
    fast = ScaledClock.starting_now(1_000.0)
    before_utc = fast.now_utc()

    assert fast.continued(1.0).now_utc() >= before_utc
    assert fast.continued(1_000.0) is fast


@pytest.mark.parametrize("text", ["fast", "scaled:0", "scaled:-1", "scaled:x"])
def test_other_clocks_are_refused(text: str) -> None:
    """A misspelt clock must not mean real time."""
    with pytest.raises(ValueError, match=r".+"):
        factor_from_text(text)
