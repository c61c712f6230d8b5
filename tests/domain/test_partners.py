"""Which messages of the cloud come home, and which are the copies of messages that are there."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.domain.mail import MessageFacts
from bascule.domain.partners import Partners

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
INBOX, SENT = ("Inbox",), ("Sent Items",)


def message(message_id: str = "", *, arrived_s: int = 0) -> MessageFacts:
    """A message that arrived so many seconds after noon."""
    return MessageFacts("1", message_id, NOON + timedelta(seconds=arrived_s), 10)


MAIL = st.lists(
    st.builds(
        lambda name, second: message(name, arrived_s=second),
        st.sampled_from(["", "<a@x>", "<b@x>", "<c@x>"]),
        st.integers(0, 5),
    ),
    max_size=8,
)


def test_mail_of_the_cloud_without_a_partner_comes_home() -> None:
    """What arrived after the redirect exists in the cloud alone."""
    known, new = message("<a@x>"), message("<new@x>", arrived_s=60)
    partners = Partners([known])

    assert partners.unmatched([(INBOX, known), (SENT, new)]) == [(SENT, new)]
    assert not partners.know_an_id_of([(SENT, new)])


def test_a_second_message_of_one_id_is_a_stranger() -> None:
    """A reminder that came to the cloud has the id of one that lies at home."""
    old, new = message("<same@x>"), message("<same@x>", arrived_s=600)
    partners = Partners([old])

    assert partners.unmatched([(INBOX, old), (INBOX, new)]) == [(INBOX, new)]
    assert partners.know_an_id_of([(INBOX, new)])


@given(MAIL)
def test_nothing_comes_home_twice(mail: list[MessageFacts]) -> None:
    """Brought home, a message has its partner: the next look must leave it alone."""
    placed = [(INBOX, each) for each in mail]

    assert Partners(mail).unmatched(placed) == []
    assert Partners(mail).unmatched_by_id(placed) == []


@pytest.mark.parametrize("late_s", [1, 3_600])
def test_copies_under_another_time_of_arrival_have_their_partners(late_s: int) -> None:
    """Taken for strangers, they would come home, be copied again, and come home again, hour by hour."""
    source = [message(f"<{number}@x>", arrived_s=number) for number in range(9)]
    copies = [message(f"<{number}@x>", arrived_s=number + late_s) for number in range(9)]
    new = message("<new@x>", arrived_s=60)
    partners = Partners(source)

    assert partners.know_an_id_of([(INBOX, each) for each in copies])
    assert not partners.arrived_alike(iter(copies))
    assert partners.unmatched_by_id([(INBOX, each) for each in [*copies, new]]) == [(INBOX, new)]


def test_one_message_more_than_at_the_source_comes_home_in_any_case() -> None:
    """Each partner stands for one message."""
    source, copy = message("<a@x>"), message("<a@x>", arrived_s=1)
    twice = [(INBOX, copy), (SENT, copy)]

    assert Partners([source]).unmatched_by_id(twice) == [(SENT, copy)]


def test_a_few_messages_of_one_id_do_not_make_a_service_that_forgets_times() -> None:
    """A letter to two addresses of one person has one id and two times, and both are wanted."""
    source = [message(f"<{number}@x>", arrived_s=number) for number in range(3)]
    other = message("<0@x>", arrived_s=7)

    assert Partners(source).arrived_alike([*source, other, message("<new@x>")])
