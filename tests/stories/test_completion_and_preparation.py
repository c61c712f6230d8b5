"""One story takes the tenant's bridge down, another would put it up: never both."""

import asyncio

import pytest

from activities.turn_authoritative import turn_authoritative
from activities.wake_stories import wake_preparation
from bascule.domain.completion import CompletionRef, Phase, Word
from bascule.domain.errors import NotYet
from bascule.domain.tenant import AcceptedDomain
from bascule.domain.tenant_records import PREPARATION, Preparation
from tests.stories.completions import DOMAIN, Operator, with_dns
from tests.stories.conftest import Simulate
from triggers.answers import BadRequest


@pytest.fixture
def operator(simulate: Simulate) -> Operator:
    """The first irreversible word is waited for."""
    operator = Operator(simulate(people_count=1, messages_each=1, change_plan=with_dns))
    operator.have_everybody_migrated()
    operator.come_to_ready()
    return operator


def wish(operator: Operator) -> None:
    """A colleague asks for a preparation; its story has not looked yet."""
    asked = Preparation("colleague", operator.simulation.clock.now_utc())
    operator.ports.documents.amend(PREPARATION, Preparation, lambda _: asked)


def prepare(operator: Operator) -> Preparation:
    """The preparation's story, as far as it comes now."""
    asyncio.run(wake_preparation(operator.simulation.engine.client()))
    operator.simulation.settle()
    found = operator.ports.documents.find(PREPARATION, Preparation)
    assert found is not None
    return found


def kind(operator: Operator) -> str:
    """What Exchange says of the domain."""
    found = operator.ports.mail_flow.find(AcceptedDomain, DOMAIN)
    assert found is not None
    return found.kind


def test_a_preparation_asked_for_after_begin_holds_every_word_up(operator: Operator) -> None:
    """It would make the domain relay again a minute after it was turned."""
    wish(operator)
    with pytest.raises(BadRequest, match="let it end first"):
        operator.say(Word.AUTHORITATIVE)
    assert operator.record.words[-1].word is Word.BEGIN

    operator.say(Word.STOP)


def test_a_preparation_that_comes_with_the_word_ends_without_a_write(operator: Operator) -> None:
    """Both looked before either was written down; the domain is turned once, and stays."""
    operator.write_word(Word.AUTHORITATIVE)
    wish(operator)
    with pytest.raises(NotYet, match="still going on"):
        turn_authoritative(operator.ports, CompletionRef())
    ended = prepare(operator)
    operator.ring()
    operator.run_until(Phase.ROUTING)
    prepare(operator)

    assert (ended.refused_utc is not None, "being completed" in ended.detail) == (True, True)
    assert kind(operator) == "Authoritative"
