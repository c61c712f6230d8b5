"""The tenant's routes, story and guard on a running app, over the wire with the real adapters. About 30 s."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.rig.rig import Rig, RigOptions
from sandbox.world.coexistence import (
    CONNECTOR_NAME,
    POSTFIX_HOSTS,
    RULE_NAME,
    STAMP_NAME,
    STAMP_VALUE,
)
from tests.end_to_end.rehearsal import PLAN, SPEED, START_UTC, Rehearsal

pytestmark = pytest.mark.slow

MAIL_FLOW = f"""
[mail_flow]
postfix_hosts = {list(POSTFIX_HOSTS)}
tls = "none"
rule = "{RULE_NAME}"
outbound_connector = "{CONNECTOR_NAME}"
inbound_ips = ["192.0.2.1"]
stamp_header = "{STAMP_NAME}"
stamp_value = "{STAMP_VALUE}"
endpoint_host = "imap.example.org"
endpoint_port = 993
"""
# The world's endpoint is made with `Ssl`, which the plan of a source on this machine cannot say.
SETTLED_BY_HAND = {"endpoint"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """An app whose plan says how mail flows."""
    folder = tmp_path_factory.mktemp("tenant") / "rig"
    folder.mkdir()
    plan: Path = folder / "operators-plan.toml"
    plan.write_text(PLAN + MAIL_FLOW, encoding="utf-8")
    rig = Rig(folder, RigOptions(seed=7, speed=SPEED, plan=plan, start_utc=START_UTC))
    with rig:
        rig.open()
        yield Rehearsal(rig, ())


def guard_of(run: Rehearsal) -> dict[str, object]:
    """What the API says of the guard."""
    return dict(run.call("GET", "/tenant").body["guard"])


def test_a_tenant_is_compared_prepared_watched_and_repaired(run: Rehearsal) -> None:
    """The whole way of an operator, as it is deployed."""
    before = run.call("GET", "/tenant/differences")
    assert before.status == 200
    parts = {each["part"] for each in before.body["differences"]}
    assert parts - SETTLED_BY_HAND == {"inbound_connector"}

    assert run.call("POST", "/tenant/prepare").status == 202
    run.wait(lambda: guard_of(run)["state"] == "as_recorded", "the prepared tenant")
    assert run.call("GET", "/tenant/differences").body == {"differences": []}

    rules = run.rig.world.tenant.rules
    rules.change_rule(replace(rules.rule_written(RULE_NAME), is_enabled=False))
    run.wait(lambda: guard_of(run)["state"] == "differs", "the guard's next look")
    assert guard_of(run)["holds_cutovers"] is True
    assert run.call("POST", "/tenant/prepare").status == 409

    assert run.call("POST", "/tenant/repair").status == 202
    run.wait(lambda: guard_of(run)["state"] == "as_recorded", "the repair")
    assert rules.rule_written(RULE_NAME).is_enabled


def test_the_readiness_list_comes_whole_over_the_wire(run: Rehearsal) -> None:
    """With the real adapters: tokens decoded, cmdlets listed, the source greeted."""
    answer = run.call("GET", "/tenant/readiness")
    lights = {each["check"]: each["light"] for each in answer.body["checks"]}

    assert answer.status == 200
    assert [each for each in answer.body["checks"] if "broke" in each["told"]] == []
    for name in ("token_roles", "cmdlets", "cmdlets_tenant", "domains", "imap", "alias_map"):
        assert lights[name] == "green", name
