"""What the look for passwords reads: a place that is left out is where the next one stands; some seconds in all."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.local_host.clock import VirtualClock
from sandbox.simulate.draw import draw_life
from sandbox.simulate.existence import Existence
from sandbox.simulate.fates import Fates
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Deed, DeedKind, Life
from sandbox.simulate.living import live_through
from sandbox.simulate.swift import SwiftHost

WORD = "Sesame-7!"

Story = Generator[Any, Any, Any]


def lent(context: Any) -> Story:
    """Says what it was given in its status."""
    yield context.call_activity("look", None)
    context.set_custom_status({"detail": context.get_input()["hint"][::-1]})


def broken(context: Any) -> Story:
    """Fails, and says over what."""
    yield context.call_activity("look", None)
    raise ValueError(context.get_input()["hint"][::-1])


def answering(context: Any) -> Story:
    """Ends with an answer."""
    yield context.call_activity("look", None)
    return context.get_input()["hint"][::-1]


def going_on(context: Any) -> Story:
    """Hands it to its next generation."""
    yield context.call_activity("look", None)
    if "next" not in context.get_input():
        context.continue_as_new({"hint": "", "next": context.get_input()["hint"][::-1]})


def failing(_: Any) -> Any:
    """A step that raises, with the word in its text."""
    raise ValueError(WORD)


def leaks_of(story: Callable[[Any], Story], hint: str, look: Callable[[Any], Any]) -> set[str]:
    """Where the word was seen while a story ran."""
    clock = VirtualClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
    host = SwiftHost({story.__name__: story}, {"look": look}, clock, Fates(()), lambda *_: None)
    host.forbidden.append(WORD)
    host.start(story.__name__, {"hint": hint}, "one")
    try:
        while host.run_step():
            continue
    finally:
        host.close()
    return host.leaks


@pytest.mark.parametrize("story", [lent, broken, answering, going_on])
def test_a_password_is_seen_wherever_a_story_puts_it(story: Callable[[Any], Story]) -> None:
    """The engine keeps inputs, answers, errors and status for years, in tables that many may read."""
    assert leaks_of(story, WORD[::-1], lambda _: None) == {story.__name__}
    assert leaks_of(story, "nothing", lambda _: None) == set()


def test_a_password_is_seen_in_the_input_of_a_story_and_in_the_error_of_a_step() -> None:
    """Both stand in the history, whatever became of them."""
    assert leaks_of(answering, WORD, lambda _: None) == {"answering"}
    assert "look" in leaks_of(answering, "nothing", failing)


def test_some_rows_give_the_password_of_a_new_account_and_the_look_knows_every_one() -> None:
    """A checker that knows only the source's passwords is blind for those that the product draws."""
    life = Life(0, ((0, 1, 2),), (0,), (0, 1), days=1.0, deeds=(Deed(60.0, DeedKind.UPLOAD),))
    existence = Existence(life, swift_host)
    try:
        live_through(existence)
        directory = existence.world.tenant.directory
        users = [directory.truth(person.address) for person in existence.people]
        passwords = [user.password if user else "" for user in users]
    finally:
        existence.close()

    assert passwords[:2] == ["Qx00!k00", "Qx01!krendre"]
    assert len(passwords[2]) >= 12
    assert set(passwords) <= set(existence.host.forbidden)
    assert any(draw_life(seed).given for seed in range(20))
