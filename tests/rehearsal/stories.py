"""What the stories on the real servers have in common: a plan with short waits, and the usual acts."""

from dataclasses import replace
from typing import Any

import tomli_w

from sandbox.rehearsal.stage import WEATHER, Stage, StageOptions
from sandbox.world.weather import Span

# At this speed Postfix's five seconds are twenty-five minutes; the source must be quiet for twice as long.
SPEED = 300.0
CUTOVER: dict[str, Any] = {
    "hold_s": 600,
    "quiet_s": 3600,
    "grace_h": 4,
    "source_probe": True,
    # Six seconds of the servers' time.
    "probe_patience_s": 1800,
}
QUICK_WEATHER = replace(
    WEATHER,
    mailbox_provisioning=Span(30, 120),
    group_cache_age=Span(60, 600),
    sync_now_start=Span(30, 60),
    delta_late=Span(0, 0),
    counter_lag=Span(0, 60),
)


def options(mailbox_count: int, **changes: Any) -> StageOptions:
    """A small stage with short waits; `cutover` replaces some of the plan's numbers."""
    cutover = CUTOVER | changes.pop("cutover", {})
    plan = tomli_w.dumps(PLAN | {"cutover": cutover})
    small = StageOptions(mailbox_count, speed=SPEED, weather=QUICK_WEATHER, list_count=1, plan=plan)
    return replace(small, **changes)


PLAN: dict[str, Any] = {
    # The sandbox fills in where things are.
    "tenant": {
        "tenant_id": "00000000-0000-0000-0000-000000000001",
        "domains": ["example.org"],
        "routing_domain": "exampleorg.onmicrosoft.com",
        "coexistence_group": "group@exampleorg.onmicrosoft.com",
        "migration_endpoint": "imap-source",
        "probe_sender": "probe@example.org",
    },
    "source": {"host": "127.0.0.1"},
    "submission": {"hosts": ["127.0.0.1"]},
    # A quarter of an hour of the servers' time, for a machine that has much else to do.
    "patience": dict.fromkeys(("survey_h", "coexist_h", "detach_h", "redirect_h"), 72),
    "alias_map": {"driver": "sqlite", "path": "/nowhere"},
    "cohorts": {"default": {"licence": "STANDARDWOFFPACK_STUDENT", "usage_location": "FR"}},
    "survey": {"waived": ["message_too_large", "two_folders_for_one_role"]},
}


def until_synced(stage: Stage, *, with_passwords: bool = True) -> None:
    """Upload everybody and wait until all are synced. Raises AssertionError when somebody is set aside before."""
    stage.operator.upload(stage.people, with_passwords=with_passwords)
    stage.operator.wait_for(stage.addresses, "SYNCED", "SET_ASIDE")
    ends = {stage.operator.end_of(address) for address in stage.addresses}
    assert ends == {("SYNCED", "")}


def until_closed(stage: Stage) -> None:
    """Wait until the grace of all who are migrated is over, and the last sweep with it."""

    def are_closed() -> bool:
        stage.operator.look()
        rows = stage.operator.mailboxes.values()
        return all(row["closed_utc"] for row in rows if row["stage"] == "MIGRATED")

    stage.operator.wait_until(are_closed, "the last sweep")
