"""The end of the migration: nothing early, nothing twice, and the same end whatever happens in between."""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from activities.adopt_tenant import adopt_tenant
from activities.see_tenant import see_tenant
from bascule.domain.completion import COMPLETION, Phase, Word
from bascule.domain.errors import Refusal, Throttled, Unreachable
from bascule.domain.stages import Stage
from bascule.domain.tenant import (
    AcceptedDomain,
    CoexistenceGroup,
    MigrationEndpoint,
    OutboundConnector,
    RoutingRule,
    TenantObject,
)
from bascule.domain.tenant_records import PREPARATION, Preparation, TenantQuestion
from sandbox.in_process.simulation import BATCH
from sandbox.world.coexistence import CONNECTOR_NAME, RULE_NAME
from sandbox.world.connectors import OutboundConnector as OutboundByHand
from sandbox.world.recipients import DomainType
from sandbox.world.weather import ORDINARY
from tests.stories.completions import LOOK_S, OLD_TTL_S, Operator, with_dns
from tests.stories.conftest import Simulate
from tests.stories.endings import judge_life
from triggers.answers import BadRequest

T = TypeVar("T", bound=TenantObject)
# In the worst weather one call in five fails.
ASKED_COUNT_MAX = 20


@pytest.fixture
def operator(simulate: Simulate) -> Operator:
    """Everybody has moved, says the ledger."""
    operator = Operator(simulate(people_count=1, messages_each=1, change_plan=with_dns))
    operator.have_everybody_migrated()
    return operator


def found(operator: Operator, kind: type[T], name: str) -> T | None:
    """What the tenant shows, asked until the weather lets an answer through."""
    for _ in range(ASKED_COUNT_MAX):
        try:
            return operator.ports.mail_flow.find(kind, name)
        except (Throttled, Unreachable):
            continue
    raise AssertionError(f"{name}: never answered")


def nothing_is_left(operator: Operator) -> None:
    """The tenant as it has to be at the end."""
    tenant = operator.ports.plan.tenant
    domain = found(operator, AcceptedDomain, "example.org")

    assert domain is not None
    assert domain.kind == "Authoritative"
    assert found(operator, RoutingRule, RULE_NAME) is None
    assert found(operator, OutboundConnector, CONNECTOR_NAME) is None
    assert found(operator, CoexistenceGroup, tenant.coexistence_group) is None
    assert found(operator, MigrationEndpoint, tenant.migration_endpoint) is None
    assert operator.ports.blobs.read_report("TENANT/report.json") is not None


def test_from_all_migrated_to_complete(simulate: Simulate) -> None:
    """This is the end of the project: one system, and nothing of the other in it."""
    operator = Operator(simulate(people_count=1, messages_each=3, change_plan=with_dns))
    operator.migrate_everybody()
    operator.simulation.keep_writing(hours=72)
    operator.complete()
    anna = operator.simulation.people[0].address
    operator.simulation.mail_to(anna)
    operator.simulation.mail_to(anna, from_inside=True)
    operator.simulation.pass_time(hours=1)

    nothing_is_left(operator)
    judge_life(operator.simulation)
    assert operator.deeds() == [
        "domain example.org: Authoritative",
        f"rule {RULE_NAME}: removed",
        f"outbound_connector {CONNECTOR_NAME}: removed",
        "inbound_connector Bascule: from Postfix: gone",
        f"group {operator.ports.plan.tenant.coexistence_group}: removed",
        f"endpoint {operator.ports.plan.tenant.migration_endpoint}: removed",
        "keys: destroyed",
    ]
    assert operator.view()["report"]["stages"] == {"MIGRATED": 1}
    assert operator.view()["awaited_word"] is None
    assert "only_in_alias_map" not in operator.view()


def test_the_guard_is_not_alarmed_by_what_the_completion_takes_down(operator: Operator) -> None:
    """A repair on the word of an alarm would build it all up again."""
    adopt_tenant(operator.ports, "operator")
    operator.complete()
    facts = see_tenant(operator.ports, TenantQuestion("guard"))

    assert facts.finding_count == 0
    nothing_is_left(operator)


def test_each_step_done_twice_leaves_the_same_end(simulate: Simulate) -> None:
    """The host repeats every step whose answer it lost, and a killed worker begins it again."""
    options = {"people_count": 1, "messages_each": 3, "change_plan": with_dns}
    operator = Operator(simulate(each_step_twice=True, **options))
    operator.migrate_everybody()
    operator.complete()

    nothing_is_left(operator)
    assert len(operator.deeds()) == len(set(operator.deeds())) == 7


def test_nothing_is_completed_while_the_tenant_is_being_prepared(operator: Operator) -> None:
    """Two stories would take down and put up the same rule by turns."""
    wish = Preparation("colleague", operator.simulation.clock.now_utc())
    operator.ports.documents.amend(PREPARATION, Preparation, lambda _: wish)

    with pytest.raises(BadRequest, match="let it end first"):
        operator.say(Word.BEGIN)


def test_the_old_ttl_is_waited_out_before_the_zone_changes(operator: Operator) -> None:
    """Whoever asked a minute before the TTL was lowered remembers the old server for a day."""
    operator.say(Word.BEGIN)
    assert operator.record.findings[0].startswith("ttl_high example.org: MX")
    operator.zone.lower_ttls()
    lowered_utc = operator.simulation.clock.now_utc()
    operator.run_until(Phase.CHANGING)

    waited = operator.simulation.clock.now_utc() - lowered_utc
    assert timedelta(seconds=OLD_TTL_S) <= waited < timedelta(seconds=OLD_TTL_S + 2 * LOOK_S)


def test_a_zone_that_was_changed_before_anybody_looked_is_waited_for_a_day(
    operator: Operator,
) -> None:
    """Nobody has seen the old TTL, and somebody remembers by it."""
    operator.zone.change()
    operator.ports.public_dns.zones.forget()
    operator.say(Word.BEGIN)
    begun_utc = operator.simulation.clock.now_utc()
    operator.run_until(Phase.READY)

    assert operator.simulation.clock.now_utc() - begun_utc >= timedelta(days=1)


def test_records_on_one_server_alone_are_not_enough(operator: Operator) -> None:
    """Half of the world would be told that the domain's mailboxes do not exist here."""
    operator.say(Word.BEGIN)
    operator.zone.lower_ttls()
    operator.run_until(Phase.CHANGING)
    first, second = operator.zone.servers
    operator.zone.change(first)
    operator.simulation.pass_time(hours=12)

    assert operator.phase is Phase.CHANGING
    assert any(each.startswith("record_not_everywhere") for each in operator.record.findings)
    operator.zone.change(second)
    operator.run_until(Phase.READY)


def test_a_zone_put_back_by_hand_is_noticed_before_the_word(operator: Operator) -> None:
    """Somebody restores last week's zone file on the day of the change."""
    operator.come_to_ready()
    operator.zone.lower_ttls()
    operator.simulation.pass_time(hours=2)
    assert operator.phase is Phase.CHANGING
    with pytest.raises(BadRequest):
        operator.say(Word.AUTHORITATIVE)
    operator.zone.change()
    operator.run_until(Phase.READY)


def test_a_zone_put_back_between_the_word_and_the_deed_stops_the_deed(operator: Operator) -> None:
    """The word was given for a zone that is no longer there."""
    operator.come_to_ready()
    operator.zone.lower_ttls()
    operator.say(Word.AUTHORITATIVE)
    operator.simulation.pass_time(days=1)

    assert operator.phase is Phase.READY
    assert operator.deeds() == []
    operator.zone.change()
    operator.run_until(Phase.ROUTING)


def test_nothing_begins_while_a_mailbox_is_not_proven(simulate: Simulate) -> None:
    """The names must be there, or the operator looks through a thousand rows."""
    simulation = simulate(people_count=2, change_plan=with_dns)
    operator = Operator(simulation)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)

    with pytest.raises(Refusal) as refused:
        operator.say(Word.BEGIN)

    for person in simulation.people:
        assert f"{person.address} in {BATCH} is SYNCED" in refused.value.detail
    assert operator.view()["unproven"]["count"] == 2
    assert operator.view()["phase"] == "not_begun"


def test_a_mailbox_that_is_undone_after_the_word_stops_the_deed(operator: Operator) -> None:
    """The look before the word is minutes old when the deed is done."""
    operator.come_to_ready()
    key = operator.simulation.records()[0].key
    operator.say(Word.AUTHORITATIVE)
    operator.run_until(Phase.ROUTING)
    operator.ports.ledger.amend_mailbox(
        BATCH, key, lambda row: replace(row, stage=Stage.SET_ASIDE, closed_utc=None)
    )
    with pytest.raises(Refusal):
        operator.say(Word.ROUTING)
    operator.ports.ledger.amend_mailbox(
        BATCH, key, lambda row: replace(row, stage=Stage.MIGRATED, closed_utc=row.migrated_utc)
    )
    operator.say(Word.ROUTING)
    operator.run_until(Phase.ENDPOINT)


def test_nothing_irreversible_happens_without_a_word(operator: Operator) -> None:
    """Weeks of waiting are no consent."""
    operator.come_to_ready()
    operator.simulation.pass_time(days=7)

    assert operator.phase is Phase.READY
    assert operator.deeds() == []


def test_words_out_of_turn_are_refused_with_the_one_that_is_due(operator: Operator) -> None:
    """A script that says all words at once would take every decision away from people."""
    for word in (Word.AUTHORITATIVE, Word.KEYS):
        with pytest.raises(BadRequest, match="begin first"):
            operator.say(word)
    operator.say(Word.BEGIN)
    with pytest.raises(BadRequest, match="no word is waited for now"):
        operator.say(Word.ROUTING)
    operator.zone.lower_ttls()
    operator.run_until(Phase.CHANGING)
    operator.zone.change()
    operator.run_until(Phase.READY)
    with pytest.raises(BadRequest, match="waited for is authoritative"):
        operator.say(Word.KEYS)


def test_uploads_are_refused_from_the_first_irreversible_word_on(operator: Operator) -> None:
    """A mailbox that begins then has no way left over which it could move."""
    operator.come_to_ready()
    operator.say(Word.AUTHORITATIVE)
    operator.simulation.upload(batch="lot-2")

    assert operator.simulation.batch("lot-2") is None
    refused = operator.simulation.report("lot-2/refused.json")
    assert "being completed" in refused["mistakes"][0]["what"]


def test_a_completion_can_be_stopped_until_the_domains_are_turned(operator: Operator) -> None:
    """The director changes her mind; the next lot comes after all."""
    operator.come_to_ready()
    operator.say(Word.STOP)
    assert operator.view()["phase"] == "not_begun"
    operator.complete()
    with pytest.raises(BadRequest, match="cannot be taken back"):
        operator.say(Word.STOP)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_weather_and_lost_stories_change_nothing_at_the_end(simulate: Simulate, seed: int) -> None:
    """Throttling, lost replies and an engine that forgets the story, after every word."""
    simulation = simulate(
        people_count=1, messages_each=3, seed=seed, weather=ORDINARY, change_plan=with_dns
    )
    operator = Operator(simulation)
    operator.migrate_everybody()

    def lose() -> None:
        simulation.lose_story(COMPLETION)
        operator.revive()

    operator.complete(between=lose)

    nothing_is_left(operator)
    assert len(operator.deeds()) == len(set(operator.deeds()))


def test_what_somebody_puts_back_by_hand_is_taken_down_before_the_end(operator: Operator) -> None:
    """A colleague repairs the `missing` rule on a Friday evening."""
    operator.come_to_ready()
    for word, phase in (
        (Word.AUTHORITATIVE, Phase.ROUTING),
        (Word.ROUTING, Phase.ENDPOINT),
        (Word.ENDPOINT, Phase.KEYS),
        (Word.KEYS, Phase.SEPARATING),
    ):
        operator.say(word)
        operator.run_until(phase)
    world = operator.simulation.world
    with world.kernel.look():
        world.tenant.recipients.accept_domain("example.org", DomainType.INTERNAL_RELAY)
        world.tenant.rules.add_outbound(
            OutboundByHand(guid="", name=CONNECTOR_NAME, smart_hosts=("mx1.example.org",))
        )
    operator.zone.separate()
    operator.run_until(Phase.COMPLETE)

    nothing_is_left(operator)
