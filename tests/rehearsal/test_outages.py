"""The servers of the source fail for a minute each while everybody is cut over and mail goes on; one story, many tests.

While they fail the story's time runs slower than in the rest of it: a minute of theirs is a quarter of an hour of the
app's, not five hours, so that patience, probes and retries meet an outage as long as one is.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.mail_log import DEFERRED
from sandbox.rehearsal.stage import Stage
from sandbox.world.mail import fingerprint
from sandbox.world.weather import Span
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import QUICK_WEATHER, SPEED, options, until_synced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Servers that remember the group for longer than the plan holds the redirect: only probes and the stamp are left.
STALE = replace(QUICK_WEATHER, group_cache_age=Span(600, 2400))
CUTOVER = {"hold_s": 60}
OUTAGE_S = 60.0
NEXT_OUTAGE_S = 12.0
# Virtual seconds in a real one, while servers fail.
OUTAGE_SPEED = 15.0
REDIRECTED_STAGES = ("REDIRECTED", "FINAL_SYNC", "PROVEN", "MIGRATED")


@dataclass(frozen=True)
class Told:
    """How the story went."""

    stage: Stage
    judgement: Judgement
    held_back: dict[str, bytes]
    """{address: the letter that waited in Postfix's queue from before the redirect until after it}"""
    outages_ended_utc: datetime


@pytest.fixture(scope="module")
def told(open_stage: OpenStage) -> Iterator[Told]:
    """Every outage once, with STARTTLS and the master user. Four minutes."""
    played = options(3, weather=STALE, cutover=CUTOVER, security="starttls", has_master=True)
    with open_stage(played) as stage:
        with stage.post as post:
            post.rate_per_s = 4.0
            until_synced(stage, with_passwords=False)
            held_back = _hold_back(stage)
            stage.operator.ask("cutover")
            stage.rig.go_on_at(OUTAGE_SPEED)
            _fail_together(stage)
            outages_ended_utc = stage.rig.clock.now_utc()
            stage.rig.go_on_at(SPEED)
            stage.operator.wait_for(stage.addresses, *REDIRECTED_STAGES, "SET_ASIDE")
            _release(stage)
            stage.operator.wait_for(stage.addresses, "MIGRATED", "SET_ASIDE")
        # What a queue held back longer than that, probes too, is for the sweep at the end of the grace.
        stage.drain()
        stage.operator.wait_until(lambda: _are_closed(stage), "the last sweep")
        yield Told(stage, stage.judge(), held_back, outages_ended_utc)


def test_everybody_is_migrated_and_no_message_is_lost_doubled_or_in_a_loop(told: Told) -> None:
    """Servers fail on the day they are needed; a message lost then is lost for good."""
    ends = {told.stage.operator.end_of(address) for address in told.stage.addresses}

    assert ends == {("MIGRATED", "")}
    assert told.judgement.named == ()


def test_mail_that_waited_in_the_queue_while_the_alias_changed_is_in_the_cloud(told: Told) -> None:
    """Postfix delivers it to the old mailbox, where nobody looks any more."""
    world, log = told.stage.rig.world, told.judgement.log
    for address, raw in told.held_back.items():
        in_cloud = world.tenant.mailboxes.at_address(address)
        assert in_cloud is not None
        assert fingerprint(raw) in {fingerprint(m.raw) for _, m in in_cloud.store.walk()}
    home = {world.naming.source_address(address) for address in told.held_back}
    assert home <= {each.destination for each in log.with_status(DEFERRED)}


def test_a_stale_memory_of_the_group_never_makes_a_third_hop(told: Told) -> None:
    """It is the stamp's work when a redirect meets a server that still sends mail back."""
    assert told.judgement.verdict.hops_max <= 2


def test_the_outages_met_every_cutover_in_its_middle(told: Told) -> None:
    """Servers that fail before or after a cutover say nothing about it."""
    for address in told.stage.addresses:
        assert told.stage.operator.reached_utc(address)["REDIRECTED"] > told.outages_ended_utc


def test_both_postfixes_delivered_although_one_was_gone(told: Told) -> None:
    """A connector with two smart hosts is worth something only if the second one is used."""
    hosts = {each.host for each in told.judgement.log.attempts}

    assert hosts == {postfix.name for postfix in told.stage.source.host.postfixes}


def test_mail_was_deferred_while_dovecot_refused_and_none_was_returned(told: Told) -> None:
    """A bounce in the night of the migration is what people remember of it."""
    refused = [each for each in told.judgement.log.with_status(DEFERRED) if "refused" in each.said]

    assert refused
    assert told.judgement.verdict.bounced_count == 0


def _are_closed(stage: Stage) -> bool:
    stage.operator.look()
    return all(row["closed_utc"] for row in stage.operator.mailboxes.values())


def _hold_back(stage: Stage) -> dict[str, bytes]:
    """Letters that enter the queue of one Postfix under the old alias and stay there."""
    for postfix in stage.source.host.postfixes:
        postfix.set(defer_transports="lmtp")
    letters = {address: stage.post.from_outside(address) for address in stage.addresses[:2]}
    # Everything else goes on by the other one.
    stage.source.host.postfixes[1].set(defer_transports="")
    return letters


def _release(stage: Stage) -> None:
    for postfix in stage.source.host.postfixes:
        postfix.set(defer_transports="")
        postfix.flush()


def _fail_together(stage: Stage) -> None:
    """Each for a real minute, the next one before the last is back; the second Postfix only restarts."""
    host, pause = stage.source.host, threading.Event()
    first, second = host.postfixes
    for server in (host.dovecot, host.database, first):
        server.stop()
        pause.wait(NEXT_OUTAGE_S)
    pause.wait(OUTAGE_S - 3 * NEXT_OUTAGE_S)
    for server in (host.dovecot, host.database, first):
        server.start()
        pause.wait(NEXT_OUTAGE_S)
    second.stop()
    second.start()
