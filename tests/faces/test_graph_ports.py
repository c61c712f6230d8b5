"""The tenant through the ports of the product: bound to the world, and over Graph. The SDK loads once: 2 s."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from bascule.domain.directory import Assignment, LicenceChange
from bascule.domain.errors import NotYet, Throttled, Unreachable
from bascule.domain.licences import LocationRefused
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.recipients import RecipientKind
from sandbox.world.weather import CALM, Span, Weather
from tests.faces.seen_tenants import LONG_ENOUGH_S, SeenTenant, bound_tenant, graph_tenant

Opener = Callable[[Weather], AbstractContextManager[SeenTenant]]


@pytest.fixture(params=[bound_tenant, graph_tenant], ids=["bound", "graph"])
def opener(request: pytest.FixtureRequest) -> Opener:
    """How the tenant is reached."""
    chosen: Opener = request.param
    return chosen


@pytest.fixture
def tenant(opener: Opener) -> Iterator[SeenTenant]:
    """A tenant in calm weather."""
    with opener(CALM) as tenant:
        yield tenant


def until_it_fails(act: Callable[[], object]) -> None:
    """Often enough to meet the replica that lags."""
    for _ in range(20):
        act()


def mail(subject: str, message_id: str = "<1@example.net>") -> bytes:
    """A small message."""
    head = f"From: ben@example.net\r\nTo: anna@example.org\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: {message_id}\r\n\r\nHello\r\n".encode()


def test_folders_with_mail_in_or_below_them_are_listed_by_path(tenant: SeenTenant) -> None:
    """The certificate would miss folders, or compare empty ones."""
    anna = tenant.add_mailbox()
    tenant.store(anna, mail("top"))
    tenant.store(anna, mail("deep"), "Clients/Perdus/2025")
    found = tenant.mail.folders(anna.user_id)

    assert [(folder.path, folder.message_count) for folder in found] == [
        (("Clients",), 0),
        (("Clients", "Perdus"), 0),
        (("Clients", "Perdus", "2025"), 1),
        (("Inbox",), 1),
    ]


def test_an_empty_mailbox_has_no_folders_to_compare(tenant: SeenTenant) -> None:
    """A new mailbox is no error."""
    anna = tenant.add_mailbox()

    assert tenant.mail.folders(anna.user_id) == ()


def test_a_mailbox_that_is_not_open_is_not_yet(tenant: SeenTenant) -> None:
    """An empty answer would pass for an empty mailbox."""
    anna = tenant.add_account()

    with pytest.raises(NotYet):
        tenant.mail.folders(anna.account_id)


def test_every_message_of_a_folder_is_named_with_its_identity_and_time(
    tenant: SeenTenant,
) -> None:
    """The certificate compares exactly these."""
    anna = tenant.add_mailbox()
    for number in range(25):
        tenant.store(anna, mail("one of many", f"<{number}@example.net>"))
    (inbox,) = tenant.mail.folders(anna.user_id)
    facts = [facts for _, facts in tenant.mail.messages(anna.user_id, [inbox])]

    assert {fact.message_id for fact in facts} == {f"<{n}@example.net>" for n in range(25)}
    assert len({fact.handle for fact in facts}) == 25
    assert facts[0].received_utc < facts[-1].received_utc
    assert {fact.size_bytes for fact in facts} == {0}


def test_a_message_is_read_with_its_flags_and_its_time(tenant: SeenTenant) -> None:
    """A rollback would bring mail home changed, unread, or of today."""
    anna = tenant.add_mailbox()
    stored_utc = tenant.clock.now_utc
    tenant.store(anna, mail("home"))
    (handle,) = tenant.mail.find_by_subject(anna.user_id, "home")
    message = tenant.mail.read(anna.user_id, handle)

    assert message is not None
    assert message.content == mail("home")
    assert (message.flags, message.received_utc) == (("\\Seen",), stored_utc)


def test_a_removed_message_is_gone_and_removing_it_again_is_the_same(
    tenant: SeenTenant,
) -> None:
    """Probes would pile up in people's mailboxes, or the step fail on its own success."""
    anna = tenant.add_mailbox()
    tenant.store(anna, mail("probe"))
    (handle,) = tenant.mail.find_by_subject(anna.user_id, "probe")
    tenant.mail.remove(anna.user_id, handle)
    tenant.mail.remove(anna.user_id, handle)

    assert tenant.mail.find_by_subject(anna.user_id, "probe") == ()
    assert tenant.mail.read(anna.user_id, handle) is None
    assert tenant.mail.folders(anna.user_id) == ()


def test_a_subject_is_found_whole_in_every_folder(tenant: SeenTenant) -> None:
    """A probe that a rule moved would be called lost; half a subject is somebody else's mail."""
    anna = tenant.add_mailbox()
    tenant.store(anna, mail("it's a probe 42"), "Junk Email")
    tenant.store(anna, mail("it's a probe 4"))

    assert len(tenant.mail.find_by_subject(anna.user_id, "it's a probe 42")) == 1
    assert tenant.mail.find_by_subject(anna.user_id, "probe") == ()


def test_mail_sent_inside_arrives_and_leaves_no_copy(tenant: SeenTenant) -> None:
    """The probe goes this way a thousand times; its copies would fill the sender's mailbox."""
    anna, ben = tenant.add_mailbox("anna"), tenant.add_mailbox("ben")
    tenant.mail.send("ben@example.org", "anna@example.org", "probe", "Hello")
    tenant.clock.pass_time(LONG_ENOUGH_S)

    assert len(tenant.mail.find_by_subject(anna.user_id, "probe")) == 1
    assert tenant.mail.find_by_subject(ben.user_id, "probe") == ()


def test_a_shared_mailbox_can_send_too(tenant: SeenTenant) -> None:
    """Reports and probes leave from the report mailbox, which has no licence."""
    anna = tenant.add_mailbox()
    tenant.world.tenant.recipients.open_shared_mailbox(
        "rapport@example.org", "Rapport", RecipientKind.SHARED_MAILBOX
    )
    tenant.mail.send("rapport@example.org", "anna@example.org", "report", "Hello")
    tenant.clock.pass_time(LONG_ENOUGH_S)

    assert len(tenant.mail.find_by_subject(anna.user_id, "report")) == 1


def test_a_throttled_message_is_not_sent(tenant: SeenTenant) -> None:
    """A probe counted as sent would be waited for in vain."""
    anna = tenant.add_mailbox()
    tenant.world.misfortune.provoke("graph.POST sendMail", Failure(FailureKind.THROTTLED, 429, 5))
    with pytest.raises(Throttled):
        tenant.mail.send("anna@example.org", "anna@example.org", "probe", "Hello")
    tenant.clock.pass_time(LONG_ENOUGH_S)

    assert tenant.mail.find_by_subject(anna.user_id, "probe") == ()


def test_a_country_that_is_on_its_way_is_told_apart(opener: Opener) -> None:
    """A mailbox would be set aside for a delay of seconds."""
    with opener(Weather(graph_replication=Span(30, 30))) as tenant:
        anna = tenant.add_account(usage_location="")
        tenant.clock.pass_time(30)
        tenant.directory.set_usage_location(anna.account_id, "FR")
        sku_id = tenant.sku_id("EXCHANGESTANDARD")
        change = LicenceChange((Assignment(sku_id),))
        with pytest.raises((NotYet, LocationRefused)):
            until_it_fails(lambda: tenant.directory.change_licences(anna.account_id, change))


def test_a_new_account_is_not_there_yet_for_a_while(opener: Opener) -> None:
    """A 404 right after creation is no missing account."""
    with opener(Weather(graph_replication=Span(30, 30))) as tenant:
        anna = tenant.add_account()
        with pytest.raises(NotYet):
            until_it_fails(lambda: tenant.directory.set_usage_location(anna.account_id, "SE"))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_service_is_unreachable_also_when_it_answers_with_a_page(
    tenant: SeenTenant, status: int
) -> None:
    """A proxy's page in place of JSON would end a story that one more try would have saved."""
    tenant.world.misfortune.provoke(
        "graph.GET subscribedSkus", Failure(FailureKind.TRANSIENT, status)
    )
    with pytest.raises(Unreachable):
        tenant.directory.licence_stock()

    assert tenant.directory.licence_stock()


def test_a_directory_busy_with_other_writes_asks_for_patience(tenant: SeenTenant) -> None:
    """A hundred accounts created at once meet this; none of them is wrong."""
    tenant.world.misfortune.provoke("graph.POST users", Failure(FailureKind.TRANSIENT, 409))
    with pytest.raises(Throttled):
        tenant.add_account()

    assert tenant.add_account().address == "anna@example.org"
