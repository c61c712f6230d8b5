"""The proof of completeness, and which mail of the cloud has no partner at home."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bascule.domain.certificate import MISSING_SHOWN_MAX, Certificate, Comparison
from bascule.domain.mail import MessageFacts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMIT_BYTES = 1_000
INBOX, SENT = ("Inbox",), ("Sent Items",)


def message(
    message_id: str = "", *, arrived_s: int = 0, size_bytes: int = 10, handle: str = "1"
) -> MessageFacts:
    """A message that arrived so many seconds after noon."""
    return MessageFacts(handle, message_id, NOON + timedelta(seconds=arrived_s), size_bytes)


def certified(
    source: list[MessageFacts], cloud: dict[tuple[str, ...], list[MessageFacts]]
) -> Certificate:
    """The certificate over one source folder, the inbox."""
    comparison = Comparison(LIMIT_BYTES)
    for path, messages in cloud.items():
        comparison.add_cloud(path, messages)
    comparison.add_source("INBOX", INBOX, source, is_migrated=True)
    return comparison.certificate()


def test_equal_mailboxes_are_complete() -> None:
    """The plain case must not ask a person anything."""
    mail = [message("<a@x>"), message("<b@x>", arrived_s=1), message(arrived_s=2)]
    proof = certified(mail, {INBOX: mail})

    assert proof.is_complete
    assert (proof.source_count, proof.cloud_count, len(proof.named)) == (3, 3, 0)
    assert proof.folders[0].present_count == 3


def test_a_message_that_is_nowhere_is_missing_by_name() -> None:
    """This is what the certificate is for."""
    proof = certified([message("<a@x>", handle="17")], {INBOX: []})

    assert not proof.is_complete
    assert [(each.handle, each.message_id) for each in proof.missing] == [("17", "<a@x>")]


def test_two_of_one_id_must_be_there_twice() -> None:
    """Reminders share an id; one lost behind the other is lost all the same."""
    twins = [message("<same@x>"), message("<same@x>", arrived_s=5)]

    assert certified(twins, {INBOX: twins}).is_complete
    assert certified(twins, {INBOX: twins[:1]}).missing_count == 1


def test_a_message_that_its_owner_has_moved_counts() -> None:
    """People tidy up in their new mailbox while we count."""
    proof = certified([message("<a@x>")], {INBOX: [], SENT: [message("<a@x>", arrived_s=99)]})

    assert proof.is_complete
    assert proof.folders[0].moved_count == 1


def test_a_message_without_an_id_is_told_by_its_arrival() -> None:
    """Old scanners send mail without an id; the tenant gives it one of its own."""
    renamed = message("<given@prod.outlook.com>", arrived_s=3)

    assert certified([message(arrived_s=3)], {INBOX: [renamed]}).is_complete
    assert not certified([message(arrived_s=4)], {INBOX: [renamed]}).is_complete


def test_one_cloud_message_does_not_stand_for_two() -> None:
    """A message without an id must not take the partner of one that has an id."""
    source = [message(arrived_s=3), message("<a@x>", arrived_s=3)]
    proof = certified(source, {INBOX: [message("<a@x>", arrived_s=3)]})

    assert proof.missing_count == 1


def test_a_message_over_the_limit_is_named_and_not_missing() -> None:
    """The service never copies it: it is no reason to wait, and every reason to say so."""
    proof = certified([message("<big@x>", size_bytes=LIMIT_BYTES + 1)], {})

    assert proof.is_complete
    assert "larger" in proof.named[0].reason


def test_a_message_of_exactly_the_limit_may_not_be_missing() -> None:
    """The limit itself still arrives."""
    assert not certified([message("<big@x>", size_bytes=LIMIT_BYTES)], {}).is_complete


def test_a_folder_that_is_not_migrated_is_named() -> None:
    """Its owner has to hear of it, message by message."""
    comparison = Comparison(LIMIT_BYTES)
    comparison.add_source("a/b", ("a/b",), [message("<a@x>")], is_migrated=False)
    proof = comparison.certificate()

    assert proof.is_complete
    assert len(proof.named) == 1


def test_a_message_that_was_moved_between_two_syncs_is_named_as_doubled() -> None:
    """Who finds a message twice must find it on the certificate, not be told that nothing was doubled."""
    moved, other = message("<a@x>"), message("<b@x>")
    proof = certified([moved, other], {INBOX: [moved, other], SENT: [moved]})

    assert proof.is_complete
    assert [(each.folder, each.message_id) for each in proof.doubled] == [("Sent Items", "<a@x>")]


def test_a_message_there_twice_in_one_folder_is_named_once() -> None:
    """A renumbered folder is copied again into the folder where everything is already."""
    proof = certified([message("<a@x>")], {INBOX: [message("<a@x>"), message("<a@x>")]})

    assert (proof.doubled_count, proof.doubled[0].folder) == (1, "Inbox")


def test_a_message_without_an_id_that_was_copied_again_is_named_where_it_is_not_expected() -> None:
    """The tenant gives each copy an id of its own: only the second of arrival tells that they are one."""
    first, second = (message(each, arrived_s=3) for each in ("<1@t>", "<2@t>"))
    proof = certified([message(arrived_s=3)], {INBOX: [first], SENT: [second]})

    assert proof.is_complete
    assert [(each.folder, each.message_id) for each in proof.doubled] == [("Sent Items", "<2@t>")]


def test_mail_that_only_the_cloud_has_is_not_doubled() -> None:
    """New mail arrives in the cloud while the certificate is made."""
    proof = certified([message("<a@x>")], {INBOX: [message("<a@x>"), message("<new@x>")]})

    assert proof.doubled_count == 0


def test_a_long_list_of_missing_mail_is_cut_but_counted() -> None:
    """A report of half a million lines helps nobody; the number must be right all the same."""
    count = MISSING_SHOWN_MAX + 50
    proof = certified([message(f"<{number}@x>") for number in range(count)], {})

    assert (len(proof.missing), proof.missing_count) == (MISSING_SHOWN_MAX, count)


IDS = st.sampled_from(["", "<a@x>", "<b@x>", "<c@x>"])
MAIL = st.lists(
    st.builds(lambda name, second: message(name, arrived_s=second), IDS, st.integers(0, 5)),
    max_size=8,
)


@given(MAIL, st.randoms(use_true_random=False))
def test_a_copy_in_any_order_is_complete(mail: list[MessageFacts], luck: object) -> None:
    """The service copies folders in an order of its own."""
    shuffled = sorted(mail, key=lambda _: luck.random())  # type: ignore[attr-defined]

    assert certified(mail, {INBOX: shuffled}).is_complete


@given(MAIL)
def test_a_copy_with_less_mail_is_never_complete(mail: list[MessageFacts]) -> None:
    """Whichever message is left out, the proof must miss one."""
    for left_out in range(len(mail)):
        rest = mail[:left_out] + mail[left_out + 1 :]
        assert certified(mail, {INBOX: rest}).missing_count == 1
