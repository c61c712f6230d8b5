"""What goes wrong when the order is wrong, on the real servers: if these came out clean the verdict would prove nothing.

An operator does by hand, at three mailboxes, what the product never does. The rule's stamp, which would end the loops,
is off.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.rehearsal.judgement import Judgement, judge_mail
from sandbox.rehearsal.stage import Stage
from sandbox.servers.machine import wait_until
from sandbox.world.weather import Span
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import QUICK_WEATHER, SPEED, options, until_synced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Every transport server reads the group's members at these intervals, and remembers them in between.
STALE = replace(QUICK_WEATHER, group_cache_age=Span(3 * 3600, 3 * 3600))
# Meanwhile three hours are twelve real minutes and not half a one: no server reads the group anew within a second.
ACTING_SPEED = 15.0
STAMPED = b"X-Bascule-Routed: 1\r\nSubject: x\r\n\r\n"
COLLEAGUE, EARLY, TRUSTING, COPYING = range(4)


@pytest.fixture(scope="module")
def wrecked(open_stage: OpenStage) -> Iterator[tuple[Stage, Judgement]]:
    """Three mailboxes cut over in three wrong ways, a letter to each, and the verdict. Two minutes."""
    played = options(4, weather=STALE, list_count=0)
    with open_stage(played) as stage:
        until_synced(stage)
        _without_stamp(stage)
        stage.rig.go_on_at(ACTING_SPEED)
        _believe_what_the_group_says(stage)
        _redirect_before_leaving_the_group(stage)
        stage.rig.go_on_at(SPEED)
        _keep_a_copy(stage)
        yield stage, judge_mail(stage.rig.world, stage.source, stage.post.letters)


def test_an_alias_that_turns_before_the_group_makes_a_loop_that_is_named(
    wrecked: tuple[Stage, Judgement],
) -> None:
    """A verdict that does not see the loop of a wrong order cannot vouch for the right one."""
    stage, judgement = wrecked

    assert _named(judgement, "loop: Courrier", stage.addresses[EARLY])


def test_a_membership_that_reads_back_well_proves_nothing_while_servers_remember(
    wrecked: tuple[Stage, Judgement],
) -> None:
    """This is why a probe is sent: the group says what is written, not what the mail meets."""
    stage, judgement = wrecked

    assert _named(judgement, "loop: Courrier", stage.addresses[TRUSTING])


def test_a_copy_kept_in_postfix_is_a_doubled_message_that_is_named(
    wrecked: tuple[Stage, Judgement],
) -> None:
    """The procedure forbids the copy; whoever keeps one must be told what it does."""
    stage, judgement = wrecked

    assert _named(judgement, "doubled: Courrier", stage.addresses[COPYING])


def test_a_loop_is_told_with_what_both_logs_say(wrecked: tuple[Stage, Judgement]) -> None:
    """Whoever has to end a loop needs to see where it goes round."""
    stage, judgement = wrecked
    (told,) = _named(judgement, "loop: Courrier", stage.addresses[EARLY])

    assert "at tenant: sent" in told
    assert "tenant->postfix, postfix->tenant" in told


def _without_stamp(stage: Stage) -> None:
    world, named = stage.rig.world, stage.rig.coexistence.rule_name
    rules = world.tenant.rules
    with world.kernel.look():
        rule = rules.rule_written(named)
        rules.change_rule(replace(rule, except_header=None, except_words=(), stamp_name=None))
    wait_until(lambda: _is_relayed_everywhere(stage), "the rule without its stamp on every server")


def _is_relayed_everywhere(stage: Stage) -> bool:
    """Whether every server sends the mail of all three to Postfix, seen before or not."""
    rules, weather = stage.rig.world.tenant.rules, stage.rig.world.weather
    people = [stage.addresses[who] for who in (EARLY, TRUSTING, COPYING)]
    servers = range(weather.transport_server_count)
    return all(rules.decide(each, STAMPED, server) for each in people for server in servers)


def _redirect_before_leaving_the_group(stage: Stage) -> None:
    _redirect(stage, EARLY)
    _write_to(stage, EARLY)


def _believe_what_the_group_says(stage: Stage) -> None:
    world, address = stage.rig.world, stage.addresses[TRUSTING]
    group = stage.rig.coexistence.group_address
    world.tenant.groups.remove_member(group, address)
    wait_until(lambda: address not in _members(stage), "the membership to read back")
    _redirect(stage, TRUSTING)
    _write_to(stage, TRUSTING)


def _members(stage: Stage) -> set[str]:
    groups = stage.rig.world.tenant.groups
    group = stage.rig.coexistence.group_address
    return {each.primary_address for each in groups.members_seen(group)}


def _keep_a_copy(stage: Stage) -> None:
    world, address = stage.rig.world, stage.addresses[COPYING]
    naming = world.naming
    ways = [naming.source_address(address), naming.routing_address(address)]
    world.aliases.edit_by_hand(address, ways)
    stage.post.from_outside(address)
    stage.drain()
    before_utc = world.tenant.migration.user(address).last_synced_utc
    world.tenant.migration.sync_user_now(address)
    wait_until(
        lambda: world.tenant.migration.user(address).last_synced_utc != before_utc, "a delta"
    )


def _redirect(stage: Stage, who: int) -> None:
    address, world = stage.addresses[who], stage.rig.world
    world.aliases.edit_by_hand(address, [world.naming.routing_address(address)])


def _write_to(stage: Stage, who: int) -> None:
    stage.post.from_inside(stage.addresses[COLLEAGUE], stage.addresses[who])
    stage.drain()


def _named(judgement: Judgement, what: str, address: str) -> list[str]:
    return [each for each in judgement.named if each.startswith(what) and f"to {address}" in each]
