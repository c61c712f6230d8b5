"""The word `stop`: taken whole until the first domain is touched, and refused from there on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from activities.adopt_tenant import adopt_tenant
from activities.completion_gate import completion_of, entries_of_completion
from activities.turn_authoritative import turn_authoritative
from bascule.domain.codec import decode
from bascule.domain.completion import COMPLETION, CompletionRecord, CompletionRef, Phase, Word
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan import Plan
from bascule.domain.records import BatchRecord, JournalEntry
from bascule.domain.tenant import AcceptedDomain
from bascule.domain.tenant_records import RECORD, TenantRecord
from sandbox.world.recipients import DomainType
from sandbox.world.weather import CALM, Span
from tests.stories.completions import BOTH, DOMAIN, LOW_TTL_S, Operator, with_dns
from tests.stories.conftest import Simulate
from triggers.answers import BadRequest
from triggers.completion_words import say

PUPILS = f"eleves.{DOMAIN}"
# Longer than one look of the step takes, so that it sees the first domain as it was.
LAGGING = replace(CALM, exchange_replication=Span(30, 30))


def with_two_domains(plan: Plan) -> Plan:
    """Teachers and pupils."""
    return replace(with_dns(plan), tenant=replace(plan.tenant, domains=(DOMAIN, PUPILS)))


@pytest.fixture
def operator(simulate: Simulate) -> Operator:
    """Everybody has moved in both domains, and what is written is seen half a minute later."""
    simulation = simulate(people_count=1, weather=LAGGING, change_plan=with_two_domains)
    operator = Operator(simulation)
    with simulation.world.kernel.look():
        domains = simulation.world.tenant.directory.domains
        domains.add(PUPILS)
        domains.set_services(PUPILS, ("Email",))
        simulation.world.tenant.recipients.accept_domain(PUPILS, DomainType.INTERNAL_RELAY)
    publish_pupils(operator)
    simulation.pass_time(hours=1)
    adopt_tenant(operator.ports, "operator")
    operator.have_everybody_migrated()
    operator.come_to_ready()
    return operator


def publish_pupils(operator: Operator) -> None:
    """The records of the second domain, as the tenant asks for them."""
    zones = operator.ports.public_dns.zones
    exchanger = f"0 {PUPILS.replace('.', '-')}.mail.protection.outlook.com"
    zones.publish(PUPILS, "MX", (exchanger,), LOW_TTL_S)
    zones.publish(PUPILS, "TXT", (BOTH,), LOW_TTL_S)
    zones.publish(f"autodiscover.{PUPILS}", "CNAME", ("autodiscover.outlook.com",), LOW_TTL_S)


def kinds(operator: Operator) -> list[str]:
    """What Exchange says of both domains."""
    found = [operator.ports.mail_flow.find(AcceptedDomain, name) for name in (DOMAIN, PUPILS)]
    return [each.kind for each in found if each is not None]


def test_between_two_domains_there_is_no_way_back_any_more(operator: Operator) -> None:
    """One domain would refuse unknown recipients, nobody would watch it, and uploads would be open again."""
    operator.say(Word.AUTHORITATIVE)
    assert operator.phase is Phase.TURNING
    with pytest.raises(BadRequest, match="at turning, which cannot be taken back"):
        operator.say(Word.STOP)
    operator.simulation.upload(batch="lot-2")
    operator.run_until(Phase.ROUTING)

    assert kinds(operator) == ["Authoritative", "Authoritative"]
    assert operator.deeds() == [
        f"domain {DOMAIN}: Authoritative",
        f"domain {PUPILS}: Authoritative",
    ]
    assert operator.simulation.batch("lot-2") is None


def test_a_zone_put_back_between_two_domains_holds_the_second_one(operator: Operator) -> None:
    """The operator must hear of it, or the evening ends with half of the school."""
    operator.say(Word.AUTHORITATIVE)
    operator.zone.lower_ttls()
    operator.simulation.pass_time(hours=2)

    assert (operator.phase, kinds(operator)) == (Phase.TURNING, ["Authoritative", "InternalRelay"])
    assert any("no longer what" in text for _, text in operator.ports.notifier.alerts)
    operator.zone.change()
    operator.run_until(Phase.ROUTING)


def test_a_stop_right_before_the_first_domain_wins_whole(operator: Operator) -> None:
    """Two approvers, two telephones: either the one word counts or the other, never half of each."""
    operator.write_word(Word.AUTHORITATIVE)
    stop_during(operator, lambda: operator.write_word(Word.STOP))
    with pytest.raises(Refusal, match="stopped"):
        turn_authoritative(operator.ports, CompletionRef())

    assert completion_of(operator.ports) is None
    assert kinds(operator) == ["InternalRelay", "InternalRelay"]
    assert operator.ports.documents.find(RECORD, TenantRecord) is not None


def stop_during(operator: Operator, stop: Callable[[], None]) -> None:
    """Let somebody stop it while the step looks at the batches."""
    ledger = operator.ports.ledger
    original = ledger.batches

    def batches() -> list[BatchRecord]:
        found = list(original())
        ledger.batches = original  # type: ignore[method-assign]
        stop()
        return found

    ledger.batches = batches  # type: ignore[method-assign, assignment]


def test_what_was_stopped_can_be_begun_again_and_says_who_stopped_it(operator: Operator) -> None:
    """The journal is asked a year later why the first evening came to nothing."""
    operator.say(Word.STOP)
    operator.say(Word.STOP)
    assert operator.view()["phase"] == "not_begun"
    with pytest.raises(BadRequest, match="begin first"):
        operator.say(Word.AUTHORITATIVE)
    operator.say(Word.BEGIN)

    assert [given.word for given in operator.record.words] == [Word.BEGIN]
    assert words_noted(operator) == ["word begin", "word stop", "word begin"]


def words_noted(operator: Operator) -> list[str]:
    """The words in the journal, in their order."""
    entries = entries_of_completion(operator.ports)
    return [entry.effect for entry in entries if entry.effect.startswith("word")]


def test_a_word_said_again_stands_in_the_journal_once(operator: Operator) -> None:
    """Ten entries by two people leave it open who decided."""
    operator.simulation.pass_time(hours=1)
    operator.say(Word.BEGIN)
    operator.say(Word.AUTHORITATIVE)
    operator.simulation.pass_time(hours=1)
    say(operator.ports, Word.AUTHORITATIVE, "somebody@example.org")

    assert words_noted(operator) == ["word begin", "word authoritative"]


def test_a_word_whose_note_was_lost_is_noted_when_it_is_said_again(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who turned the domains must not hang on one answer of the storage."""

    def lost(entry: JournalEntry) -> None:
        raise Unreachable(f"no answer about {entry.effect}")

    with monkeypatch.context() as storm:
        storm.setattr(operator.ports.journal, "note", lost)
        with pytest.raises(Unreachable):
            operator.write_word(Word.AUTHORITATIVE)
    given_utc = operator.simulation.clock.now_utc()
    operator.simulation.pass_time(hours=1)
    operator.write_word(Word.AUTHORITATIVE)
    last = next(
        e for e in entries_of_completion(operator.ports) if e.effect == "word authoritative"
    )

    assert last.at_utc == given_utc


def test_stop_with_nothing_begun_is_written_nowhere(simulate: Simulate) -> None:
    """An entry about something that never was is looked into by somebody."""
    operator = Operator(simulate(people_count=1, change_plan=with_dns))
    operator.write_word(Word.STOP)

    assert words_noted(operator) == []
    assert operator.ports.documents.find(COMPLETION, CompletionRecord) is None


def test_a_document_of_the_former_version_is_read_as_it_was_written() -> None:
    """An update in the middle of a completion must not lose it."""
    former = {
        "phase": "ready",
        "phase_since_utc": "2026-03-02T08:00:00+00:00",
        "words": [
            {"word": "authoritative", "by": "approver", "at_utc": "2026-03-02T08:00:00+00:00"}
        ],
        "closed_utc": "2026-03-02T08:00:00+00:00",
        "old_ttl_s": 86_400,
    }
    record = decode(CompletionRecord, former)

    assert (record.phase, record.awaited_word, record.is_closed) == (Phase.READY, None, True)
