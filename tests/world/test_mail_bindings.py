"""The alias map and source mail ports on the world itself: what simulation runs on."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.mail import Login, MessageFacts, RawMessage
from bascule.domain.routes import Route, RouteSwitch
from bascule.ports.alias_map import AliasMap
from bascule.ports.source_mail import SourceMail
from sandbox.bound.alias_map import WorldAliasMap
from sandbox.bound.source_mail import WorldSourceMail
from sandbox.world.weather import CALM
from sandbox.world.world import World

ANNA = "anna@example.org"
HOME = "anna@ca.example.org"
AWAY = "anna@exampleorg.onmicrosoft.com"
SWITCH = RouteSwitch(ANNA, HOME, AWAY)


def noon() -> datetime:
    """The clock of these tests stands still."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """Anna with one row and one message."""
    world = World(1, noon)
    world.source.add(ANNA, "secret").store.folder("A/B").add(
        b"Message-ID: <1@x>\nSubject: S\n\nB\n", frozenset(), noon()
    )
    world.aliases.edit_by_hand(ANNA, [HOME])
    return world


@pytest.fixture
def aliases(world: World) -> AliasMap:
    """The port."""
    return WorldAliasMap(world)


@pytest.fixture
def mail(world: World) -> SourceMail:
    """The port."""
    return WorldSourceMail(world)


def test_a_switch_changes_the_row_once_and_answers_the_same_again(
    world: World, aliases: AliasMap
) -> None:
    """A retried step must find its own work and be content."""
    assert aliases.switch(SWITCH) == aliases.switch(SWITCH) == Route(ANNA, (AWAY,))
    assert world.aliases.rows_of(ANNA) == [AWAY]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], Code.ALIAS_MISSING),
        ([HOME, "copy@example.net"], Code.ALIAS_SECOND_DESTINATION),
        ([f"{HOME}, copy@example.net"], Code.ALIAS_SECOND_DESTINATION),
        (["moved@example.net"], Code.ALIAS_CHANGED),
    ],
)
def test_a_row_that_a_person_moved_is_left_alone(
    world: World, aliases: AliasMap, rows: list[str], code: Code
) -> None:
    """Overwriting an administrator's work would lose mail behind their back."""
    world.aliases.edit_by_hand(ANNA, rows)

    with pytest.raises(Refusal) as refused:
        aliases.switch(SWITCH)

    assert refused.value.code is code
    assert world.aliases.rows_of(ANNA) == rows


def test_a_lost_reply_comes_after_the_effect(world: World, aliases: AliasMap) -> None:
    """The story must cope with a switch that was made and not answered."""
    world.weather = replace(CALM, source_lost_reply_probability=1.0)

    with pytest.raises(Unreachable):
        aliases.switch(SWITCH)

    assert world.aliases.rows_of(ANNA) == [AWAY]


def test_no_connection_comes_before_any_effect(world: World, aliases: AliasMap) -> None:
    """The two must differ, or one of them is never tested."""
    world.weather = replace(CALM, source_unreachable_probability=1.0)

    with pytest.raises(Unreachable):
        aliases.switch(SWITCH)

    assert world.aliases.rows_of(ANNA) == [HOME]


def test_the_catch_all_is_shown_beside_the_route(world: World, aliases: AliasMap) -> None:
    """An address served only by the domain's row cannot be switched alone."""
    world.aliases.edit_by_hand("@example.org", ["all@example.net"])

    assert aliases.route("other@example.org") == Route(
        "other@example.org", (), ("all@example.net",)
    )


def test_a_mailbox_is_surveyed_without_being_touched(mail: SourceMail) -> None:
    """Folders, marks and messages are what the survey is made of."""
    with mail.open(Login("anna", "secret")) as box:
        inbox, nested = sorted(box.folders(), key=lambda folder: folder.name, reverse=True)
        (facts,) = box.messages("A/B")
        marks = box.marks()
        large = [box.large_message_count("A/B", limit) for limit in (35, 36)]

    assert inbox.path == ("INBOX",)
    assert nested.path == ("A", "B")
    assert nested.size_bytes == facts.size_bytes == 36
    assert (facts.handle, facts.message_id, facts.received_utc) == ("1", "<1@x>", noon())
    assert marks["A/B"].uid_next == 2
    assert large == [1, 0]


def test_mail_comes_home_once_and_probes_go(mail: SourceMail) -> None:
    """Rollback asks before it appends, and cleans up after itself."""
    with mail.open(Login("anna", "secret")) as box:
        assert not box.holds("New", MessageFacts("", "<2@x>", noon(), 0))
        box.append("New", RawMessage(b"Message-ID: <2@x>\r\n\r\n", ("\\Seen",), noon()))
        box.append("INBOX", RawMessage(b"Subject: Probe 1\r\n\r\n"))

        assert box.holds("New", MessageFacts("", "<2@x>", noon(), 0))
        assert box.remove_by_subject("Probe 1") == 1
        assert box.remove_by_subject("Probe 1") == 0


def test_a_wrong_password_is_refused_without_saying_it(mail: SourceMail) -> None:
    """Passwords stand in no message."""
    with (
        pytest.raises(Refusal) as refused,
        mail.open(Login("anna", "wr0ng-and-secret")),
    ):
        pass

    assert refused.value.code is Code.SOURCE_LOGIN_REFUSED
    assert "wr0ng-and-secret" not in str(refused.value)


def test_an_unreadable_folder_is_named(world: World, mail: SourceMail) -> None:
    """A folder that is skipped silently is mail lost silently."""
    anna = world.source.at_address(ANNA)
    assert anna is not None
    anna.unreadable.add("A/B")

    with mail.open(Login("anna", "secret")) as box, pytest.raises(Refusal, match="A/B"):
        box.folders()
