"""The documented rights are enough for a whole migration with its rollback, and not one of them can be spared.

Each test runs the app itself against the tenant's faces, which ask for the rights that Microsoft's pages name. Together they
take some three minutes.
"""

from collections.abc import Collection
from pathlib import Path

import pytest

from infra.grants.wanted import EXCHANGE_APP_ROLES, EXCHANGE_ROLES, GRAPH_ROLES
from tests.end_to_end.rehearsal import Rehearsal, rehearsal

pytestmark = pytest.mark.slow

APP_ROLES = frozenset(each.name for each in (*GRAPH_ROLES, *EXCHANGE_APP_ROLES))
MANAGEMENT_ROLES = frozenset(each.name for each in EXCHANGE_ROLES)
SHORT_GRACE, LONG_GRACE = "grace_h = 1", "grace_h = 48"
ENDED = ("MIGRATED", "SET_ASIDE")


def allowed(folder: Path, without: str = "") -> Rehearsal:
    """A rehearsal of one mailbox, not yet opened, whose app may do what is documented, less one right."""
    run = rehearsal(folder, 1)
    plan = folder / "operators-plan.toml"
    # The way back is asked for while there is one: on a busy machine an hour of grace is over before the question.
    plan.write_text(plan.read_text(encoding="utf-8").replace(SHORT_GRACE, LONG_GRACE), "utf-8")
    run.rig.world.tenant.app.roles = set(APP_ROLES - {without})
    run.rig.world.tenant.exchange_roles = set(MANAGEMENT_ROLES - {without})
    return run


def has_trouble(run: Rehearsal) -> bool:
    """Whether the batch was refused or is held up, or its mailbox set aside."""
    batch = run.batch("pilot")
    is_stopped = batch.get("state") == "refused" or "held_up" in batch
    return is_stopped or "SET_ASIDE" in batch.get("stages", ())


def codes(run: Rehearsal) -> Collection[str]:
    """The reasons of the mailboxes that were set aside."""
    return set(run.batch("pilot").get("set_aside", {}).values())


def test_the_documented_rights_carry_a_mailbox_over_and_home_again(tmp_path: Path) -> None:
    """A right that is missing from the list stops the first real batch."""
    run = allowed(tmp_path / "rig")
    with run.rig:
        run.rig.open()
        run.upload("pilot")
        run.wait_for_stage("pilot", "SYNCED", "SET_ASIDE")
        assert codes(run) == set()
        run.wish("pilot", "cutover")
        run.wait_for_stage("pilot", *ENDED)
        assert codes(run) == set()
        run.wish("pilot", "rollback")
        run.wait_for_stage("pilot", "ROLLED_BACK", "SET_ASIDE")

        assert codes(run) == set()


@pytest.mark.parametrize("right", sorted(APP_ROLES | MANAGEMENT_ROLES))
def test_without_any_one_of_them_it_does_not_go_through(tmp_path: Path, right: str) -> None:
    """A right to spare is one more thing that a stolen identity can do."""
    run = allowed(tmp_path / "rig", without=right)
    with run.rig:
        run.rig.open()
        run.upload("pilot")
        run.wait(lambda: has_trouble(run) or run.stands_at("pilot", "SYNCED"), "trouble or SYNCED")
        if not has_trouble(run):
            run.wish("pilot", "cutover")
            run.wait(lambda: has_trouble(run) or run.stands_at("pilot", *ENDED), "an end")

        assert has_trouble(run), run.batch("pilot")
