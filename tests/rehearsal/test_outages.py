"""The servers of the source fail for a minute each while everybody is cut over and mail goes on; one story, many tests.

MariaDB is away from the beginning: so everybody comes as far as between the two redirects, and nobody further, and
there the minute begins. While they fail the story's time runs slower than in the rest of it: a minute of theirs is a quarter of an hour of the
app's, not five hours, so that patience, probes and retries meet an outage as long as one is.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.mail_log import DEFERRED, SENT, read_logs
from sandbox.rehearsal.stage import Stage
from sandbox.servers.postfix import Postfix
from sandbox.world.mail import fingerprint, header
from sandbox.world.weather import Span
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import QUICK_WEATHER, SPEED, options, until_closed, until_synced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# The hold outlasts every memory of the group, and gives the database time to go away while everybody is held.
STALE = replace(QUICK_WEATHER, group_cache_age=Span(600, 2400))
CUTOVER = {"hold_s": 3600}
OUTAGE_S = 60.0
NEXT_OUTAGE_S = 12.0
# Virtual seconds in a real one, while servers fail.
OUTAGE_SPEED = 15.0
HELD_BACK_COUNT = 2
# By this sender they are found again in a queue.
HELD_SENDER = "patience@example.net"
REDIRECTED_STAGES = ("REDIRECTED", "FINAL_SYNC", "PROVEN", "MIGRATED")


@dataclass(frozen=True)
class Outage:
    """What was seen of the minute without any server but the second Postfix, and of the end of it."""

    stages: tuple[str, ...]
    """Where everybody stood when the minute was over."""
    try_count: int
    """How often the app tried to turn an alias meanwhile."""
    by_second_count: int
    """Deliveries of the second Postfix while the first was still away."""
    ended_utc: datetime


@dataclass(frozen=True)
class Told:
    """How the story went."""

    stage: Stage
    judgement: Judgement
    held_back: dict[str, bytes]
    """{address: the letter that waited in Postfix's queue from before the redirect until after it}"""
    waiting: dict[str, str]
    """{address: its stage} of those whose letter still stood in the queue just before it was released."""
    outage: Outage


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
            # Nobody begins without a look at the alias table; from here on nobody gets further than DETACHED without it.
            stage.operator.wait_until(lambda: _have_left(stage), "everybody out of the group")
            stage.source.host.database.stop()
            stage.operator.wait_for(stage.addresses, "DETACHED")
            stage.rig.go_on_at(OUTAGE_SPEED)
            outage = _fail_together(stage)
            stage.rig.go_on_at(SPEED)
            stage.operator.wait_for(stage.addresses, *REDIRECTED_STAGES, "SET_ASIDE")
            waiting = _still_waiting(stage)
            _release(stage)
            stage.operator.wait_for(stage.addresses, "MIGRATED", "SET_ASIDE")
        # What a queue held back longer than that, probes too, is for the sweep at the end of the grace.
        stage.drain()
        until_closed(stage)
        yield Told(stage, stage.judge(), held_back, waiting, outage)


def _have_left(stage: Stage) -> bool:
    world = stage.rig.world
    with world.kernel.look():
        members = world.tenant.groups.members(stage.rig.coexistence.group_address)
        return not {member.primary_address for member in members} & set(stage.addresses)


def test_everybody_is_migrated_and_no_message_is_lost_doubled_or_in_a_loop(told: Told) -> None:
    """Servers fail on the day they are needed; a message lost then is lost for good."""
    ends = {told.stage.operator.end_of(address) for address in told.stage.addresses}

    assert ends == {("MIGRATED", "")}
    assert told.judgement.named == ()


def test_mail_that_waited_in_the_queue_while_the_alias_changed_is_in_the_cloud(told: Told) -> None:
    """Postfix delivers it to the old mailbox, where nobody looks any more."""
    world, log = told.stage.rig.world, told.judgement.log
    assert len(told.held_back) == HELD_BACK_COUNT
    assert set(told.waiting) == set(told.held_back)
    assert set(told.waiting.values()) <= set(REDIRECTED_STAGES)
    for address, raw in told.held_back.items():
        in_cloud = world.tenant.mailboxes.at_address(address)
        assert in_cloud is not None
        assert fingerprint(raw) in {fingerprint(m.raw) for _, m in in_cloud.store.walk()}
        lives = [each for each in log.attempts if each.message_id == header(raw, "Message-ID")]
        assert lives[0].status == DEFERRED
        assert (lives[-1].status, lives[-1].place) == (SENT, "Dovecot")


def test_a_stale_memory_of_the_group_never_makes_a_third_hop(told: Told) -> None:
    """It is the stamp's work when a redirect meets a server that still sends mail back."""
    assert told.judgement.verdict.hops_max <= 2


def test_the_outages_met_every_cutover_in_its_middle(told: Told) -> None:
    """Servers that fail before or after a cutover, or while it sleeps, say nothing about it."""
    assert told.outage.stages == ("DETACHED",) * len(told.stage.addresses)
    assert told.outage.try_count > 0
    for address in told.stage.addresses:
        assert told.stage.operator.reached_utc(address)["REDIRECTED"] > told.outage.ended_utc


def test_the_second_postfix_delivered_while_the_first_was_gone(told: Told) -> None:
    """A connector with two smart hosts is worth something only if the second one is used."""
    assert told.outage.by_second_count > 0


def test_mail_was_deferred_while_dovecot_refused_and_none_was_returned(told: Told) -> None:
    """A bounce in the night of the migration is what people remember of it."""
    refused = [each for each in told.judgement.log.with_status(DEFERRED) if "refused" in each.said]

    assert refused
    assert told.judgement.verdict.bounced_count == 0


def _hold_back(stage: Stage) -> dict[str, bytes]:
    """Letters that enter the queue of the first Postfix under the old alias and stay there; by the second all goes on."""
    first = stage.source.host.postfixes[0]
    first.set(defer_transports="lmtp")
    held = stage.addresses[:HELD_BACK_COUNT]
    return {each: stage.post.from_outside(each, HELD_SENDER, port=first.port) for each in held}


def _still_waiting(stage: Stage) -> dict[str, str]:
    """Whose letter stands in the queue; {address: stage}."""
    naming = stage.rig.world.naming
    queued = [
        naming.public_address(recipient["address"])
        for message in stage.source.host.postfixes[0].queue()
        if message["sender"] == HELD_SENDER
        for recipient in message["recipients"]
    ]
    return {address: stage.operator.stage(address) for address in queued}


def _release(stage: Stage) -> None:
    first = stage.source.host.postfixes[0]
    first.set(defer_transports="")
    first.flush()


def _fail_together(stage: Stage) -> Outage:
    """With MariaDB away already the others fail, for a real minute and until the last one is back one after the other.

    The second Postfix only restarts. It does so when MariaDB is back: a database that was away it would ask again only
    after a minute.
    """
    host, pause = stage.source.host, threading.Event()
    first, second = host.postfixes
    try_count = _tries(stage)
    for server in (host.dovecot, first):
        server.stop()
        pause.wait(NEXT_OUTAGE_S)
    pause.wait(OUTAGE_S - 2 * NEXT_OUTAGE_S)
    stage.operator.look()
    stages = tuple(stage.operator.stage(address) for address in stage.addresses)
    try_count = _tries(stage) - try_count
    ended_utc = stage.rig.clock.now_utc()
    host.database.start()
    second.stop()
    second.start()
    # Mail is accepted again, for mailboxes that refuse it.
    pause.wait(NEXT_OUTAGE_S)
    host.dovecot.start()
    before_count = _delivered_count(second)
    pause.wait(NEXT_OUTAGE_S)
    by_second_count = _delivered_count(second) - before_count
    first.start()
    return Outage(stages, try_count, by_second_count, ended_utc)


def _tries(stage: Stage) -> int:
    """How often the app has begun to turn an alias."""
    return stage.rig.app.log_path.read_text(encoding="utf-8").count("activity switch_route runs")


def _delivered_count(postfix: Postfix) -> int:
    return len(read_logs([postfix]).with_status(SENT))
