"""From an empty tenant to a ready one, whatever happens on the way. About 10 s."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.wake_stories import wake_preparation
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.tenant import Part
from bascule.domain.tenant_records import (
    JOURNAL,
    PREPARATION_ID,
    RECORD,
    PartState,
    TenantRecord,
)
from infra.grants.wanted import EXCHANGE_APP_ROLES, EXCHANGE_ROLES, GRAPH_ROLES, POWERS
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.recipients import DomainType
from sandbox.world.rules import RuleErrorAction
from sandbox.world.weather import CALM, Span
from tests.tenant.school import OPERATOR, School

Found = Callable[..., School]
LAGGING = replace(CALM, exchange_replication=Span(5, 90), graph_replication=Span(2, 20))


@pytest.fixture
def found() -> Iterator[Found]:
    """A maker of schools; each is closed at the end of its test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(School(*args, **options))


def ready_state(found: Found, **options: Any) -> dict[str, Any]:
    """How a tenant looks that was prepared in calm weather."""
    school = found(**options)
    school.publish_proof()
    school.ask()
    school.run_until_finished()
    return school.state()


def test_an_empty_tenant_is_ready_after_one_walk(found: Found) -> None:
    """Everything that the procedure does by hand, with the settings that routing rests on."""
    school = found(is_proved=False)
    school.publish_proof()
    school.ask()
    school.run_until_finished()
    state, flow = school.state(), school.plan.mail_flow
    (rule,), (group,), (outbound,) = state["rules"], state["groups"], state["outbound"]

    assert json.loads(school.output or "{}") == {"ready": True, "detail": ""}
    assert (school.world.naming.domain, DomainType.INTERNAL_RELAY) in state["domains"]
    assert (group.is_hidden, group.join_restriction, group.depart_restriction) == (
        True,
        "Closed",
        "Closed",
    )
    assert set(outbound.smart_hosts) == set(flow.postfix_hosts)
    assert (outbound.is_rule_scoped, outbound.tls_settings) == (True, "CertificateValidation")
    assert rule.sent_to_member_of == (school.plan.tenant.coexistence_group,)
    assert (rule.except_header, rule.stamp_name) == (flow.stamp_header, flow.stamp_header)
    assert (rule.error_action, rule.stops) == (RuleErrorAction.DEFER, True)
    assert state["endpoints"][0].concurrent_migrations_max == flow.migrations_max
    assert school.plan.tenant.report_mailbox in state["mailboxes"]


def test_asking_again_changes_nothing_and_writes_nothing(found: Found) -> None:
    """An operator who is unsure asks again; a write that changes nothing still restarts replication."""
    school = found(is_proved=False)
    school.publish_proof()
    school.ask()
    school.run_until_finished()
    before, count = school.state(), len(school.writes)
    assert count > 0

    school.ask()
    school.run_until_finished()

    assert school.writes[count:] == []
    assert school.state() == before


def test_a_domain_waits_for_its_record_while_the_rest_goes_on(found: Found) -> None:
    """People publish DNS records days later; the record to publish must be in front of them until then."""
    school = found(is_proved=False)
    school.ask()
    progress = {part.ref.part: part for part in school.preparation.parts}
    domains = school.world.tenant.directory.domains

    assert progress[Part.DOMAIN].state is PartState.WAITING
    assert domains.verification_text(school.world.naming.domain) in progress[Part.DOMAIN].detail
    assert progress[Part.RULE].state is PartState.DONE

    school.world.kernel.at(school.clock.now_utc() + timedelta(hours=6), school.publish_proof)
    school.run_until_finished()

    assert school.state() == ready_state(found, is_proved=False)


def test_a_repair_that_is_asked_during_a_preparation_is_not_swallowed_by_its_end(
    found: Found,
) -> None:
    """Finished by a walk that knew nothing of it, a repair would leave everybody out of the group."""
    school = found()
    asked: list[str] = []

    def ask_in_between(step: str) -> None:
        if step == "prepare_part" and not asked:
            asked.append(step)
            school.clock.advance_to(school.clock.now_utc() + timedelta(seconds=1))
            school.wish(is_repair=True)

    school.after_step = ask_in_between
    school.ask()
    school.run_until_finished()

    assert school.preparation.is_repair
    assert school.steps.count("restore_members") == 1


def test_the_rights_that_are_granted_for_it_are_enough_and_each_is_needed(found: Found) -> None:
    """Rights over the mail of a whole tenant are given once, by somebody who reads the list."""
    power = POWERS["tenant"]
    graph = {right.name for right in (*GRAPH_ROLES, *power.graph, *EXCHANGE_APP_ROLES)}
    exchange = {right.name for right in (*EXCHANGE_ROLES, *power.exchange)}
    wanted = ready_state(found, is_proved=False)

    assert _with_rights(found, graph, exchange).state() == wanted
    for right in (*power.graph, *power.exchange):
        school = _with_rights(found, graph - {right.name}, exchange - {right.name})
        assert school.preparation.finished_utc is None, right.name


def _with_rights(found: Found, graph: set[str], exchange: set[str]) -> School:
    school = found(is_proved=False)
    school.publish_proof()
    tenant = school.world.tenant
    tenant.app.roles.intersection_update(graph)
    tenant.exchange_roles.intersection_update(exchange)
    school.ask()
    for _ in range(20):
        if school.output is not None or not school.engine.fire_next_timer():
            break
        school.settle()
    return school


def test_a_proof_that_is_published_and_not_seen_yet_is_told_as_such(found: Found) -> None:
    """Told to publish what they have published, people publish it a second time."""
    school = found(is_proved=False)
    name = school.world.naming.domain
    proof = school.world.tenant.directory.domains.verification_text(name)
    school.world.dns.publish(name, "TXT", ("v=spf1 -all", proof), 60)
    school.ask()

    assert "does not see it yet" in school.preparation.parts[0].detail


def test_a_domain_is_done_once_its_mail_service_is_read_back(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that came to nothing would be recorded as done, and no mailbox could have its address."""
    school = found(is_proved=False)
    school.publish_proof()
    domains = school.world.tenant.directory.domains
    with monkeypatch.context() as lost:
        lost.setattr(domains, "set_services", lambda *_: None)
        school.ask()
    part = school.preparation.parts[0]
    assert (part.state, "not read back" in part.detail) == (PartState.WAITING, True)

    school.run_until_finished()
    assert school.state() == ready_state(found, is_proved=False)


def test_a_domain_that_nobody_proves_ends_the_wait(found: Found) -> None:
    """A story that waits for ever is one that nobody knows of."""
    school = found(is_proved=False)
    school.ask(days_ago=29)
    for _ in range(500):
        school.settle()
        if school.output is not None or not school.engine.fire_next_timer():
            break

    assert json.loads(school.output or "{}")["ready"] is False
    assert "publish" in school.preparation.detail


def test_what_is_wrong_is_corrected_and_both_states_are_journaled(found: Found) -> None:
    """Half of the tenants we meet were prepared by somebody, some time ago."""
    wanted = ready_state(found)
    school = found()
    school.ask()
    school.run_until_finished()
    rules = school.world.tenant.rules
    rule = rules.rules_seen()[0]
    rules.change_rule(replace(rule, is_enabled=False, stops=False))
    rules.change_outbound(replace(rules.outbound_seen()[0], smart_hosts=("old.example.org",)))

    school.ask()
    school.run_until_finished()
    entries = [entry for entry in school.ports.journal.entries(JOURNAL) if entry.asked_by]

    assert school.state() == wanted
    assert {entry.asked_by for entry in entries} == {OPERATOR}
    assert any("old.example.org" in entry.before for entry in entries)
    assert any("is_enabled False" in entry.before for entry in entries)


def test_every_lost_answer_and_every_throttled_call_ends_the_same(found: Found) -> None:
    """A creation whose answer was lost is the classic way to make something twice."""
    wanted = ready_state(found, is_proved=False)
    calm = found(is_proved=False)
    calm.publish_proof()
    calm.ask()
    calm.run_until_finished()
    calls, told = calm.calls, journaled(calm)
    assert len(calls) > 20

    for failure in (
        Failure(FailureKind.LOST_REPLY, 504),
        Failure(FailureKind.THROTTLED, 429, 7),
    ):
        for call in sorted(set(calls)):
            school = found(is_proved=False)
            school.publish_proof()
            school.world.misfortune.provoke(call, failure)
            school.ask()
            school.run_until_finished()
            assert school.state() == wanted, call
            assert journaled(school) == told, call


def journaled(school: School) -> list[tuple[str, str, str]]:
    """What the journal says was done, by what, from what to what."""
    entries = school.ports.journal.entries(JOURNAL)
    return sorted((entry.effect, entry.before, entry.after) for entry in entries)


def test_a_host_that_dies_after_any_step_ends_the_same(found: Found) -> None:
    """The effect has happened, and nobody remembers."""
    wanted = ready_state(found, is_proved=False)
    calm = found(is_proved=False)
    calm.publish_proof()
    calm.ask()
    calm.run_until_finished()
    told = journaled(calm)
    for nth in range(14):
        school = found(is_proved=False)
        school.publish_proof()
        _die_once(school, nth)
        school.ask()
        school.run_until_finished()
        assert school.state() == wanted, nth
        assert journaled(school) == told, nth


def _die_once(school: School, nth: int) -> None:
    left = [nth]

    def after(_: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise RuntimeError("the host is gone, the answer with it")

    school.after_step = after


def test_hands_in_between_change_nothing_at_the_end(found: Found) -> None:
    """An administrator cleans up while the preparation runs."""
    wanted = ready_state(found)
    for nth in range(8):
        school = found()
        _interfere_once(school, nth)
        school.ask()
        school.run_until_finished()
        # What was undone after it had been looked at is found at the next asking.
        school.ask(is_repair=True)
        school.run_until_finished()
        assert school.state() == wanted, nth


def _interfere_once(school: School, nth: int) -> None:
    left = [nth]

    def after(_: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            tenant = school.world.tenant
            for group in tenant.groups.seen():
                tenant.groups.remove(group.guid)
            for rule in tenant.rules.rules_seen():
                tenant.rules.change_rule(replace(rule, is_enabled=False))

    school.after_step = after


def test_servers_that_lag_get_nothing_twice(found: Found) -> None:
    """What was made a moment ago is not seen by the next server; made again it would be there twice."""
    wanted = ready_state(found, is_proved=False)
    school = found(LAGGING, is_proved=False)
    school.publish_proof()
    school.ask()
    school.run_until_finished()
    school.clock.advance_to(school.clock.now_utc() + timedelta(minutes=5))

    assert school.state() == wanted


@pytest.mark.parametrize("seed", [5, 6, 7, 8])
def test_a_deleted_group_is_repaired_whatever_readers_still_see(found: Found, seed: int) -> None:
    """The old rule, shown once more after its removal, is taken for the new one: then there is none."""
    wanted = ready_state(found)
    school = found(LAGGING, seed)
    school.ask()
    school.run_until_finished()
    groups, rules = school.world.tenant.groups, school.world.tenant.rules
    groups.remove(school.plan.tenant.coexistence_group)
    school.clock.advance_to(school.clock.now_utc() + timedelta(minutes=5))

    school.ask(is_repair=True)
    school.run_until_finished()
    school.clock.advance_to(school.clock.now_utc() + timedelta(minutes=5))

    assert school.state() == wanted
    assert rules.rules_seen()[0].group_guids == (groups.seen()[0].guid,)


def test_a_source_that_exchange_cannot_reach_is_told_before_the_first_batch(found: Found) -> None:
    """A firewall is somebody else's work and takes them days."""
    school = found()
    school.world.tenant.migration.endpoints.unreachable_servers["imap.example.org"] = "no route"
    school.ask()

    answer = json.loads(school.output or "{}")
    assert answer["ready"] is False
    assert "no route" in answer["detail"]
    assert not school.preparation.is_under_way
    assert school.ports.documents.find(RECORD, TenantRecord) is None


class RoleTaken:
    """Documents that the app may not read for a while."""

    def __init__(self, documents: Any) -> None:
        self._documents = documents
        self.is_taken = True

    def __getattr__(self, name: str) -> Any:
        if self.is_taken:
            raise Refusal(Code.PERMISSION_MISSING, "reading documents: answered 403")
        return getattr(self._documents, name)


def test_a_preparation_goes_on_once_the_storage_takes_it_again(found: Found) -> None:
    """Ended by a refusal of its first look, it would have to be asked for again; and nobody would say so."""
    school = found()
    school.wish()
    hand = RoleTaken(school.ports.documents)
    object.__setattr__(school.ports, "documents", hand)
    asyncio.run(wake_preparation(school.engine.client()))
    school.settle()
    status = json.loads(school.engine.control.instance(PREPARATION_ID).custom_status or "{}")
    assert "answered 403" in status["waiting_for"]

    hand.is_taken = False
    school.run_until_finished()
    assert json.loads(school.output or "{}") == {"ready": True, "detail": ""}


def test_a_plan_without_postfix_is_refused_before_anything_is_written(found: Found) -> None:
    """A connector to nowhere would defer the mail of everybody."""
    school = found()
    flow = replace(school.plan.mail_flow, postfix_hosts=())
    object.__setattr__(school.ports, "plan", replace(school.plan, mail_flow=flow))
    school.ask()

    assert "postfix_hosts" in json.loads(school.output or "{}")["detail"]
    assert "postfix_hosts" in school.preparation.detail
    assert not school.preparation.is_under_way
    assert school.writes == []
