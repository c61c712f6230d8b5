"""One message in the cloud, under the real SDK: read, removed, found by its subject, sent."""

import json
import logging
from datetime import UTC, datetime

import httpx
import pytest

from bascule.adapters.graph import MailNotifier
from bascule.domain.errors import NotYet, Unreachable
from tests.adapters.exchange_desk import PLAN
from tests.adapters.graph_desk import GraphDesk, found, page, refusal

ID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"


def test_a_message_is_read_as_bytes_with_its_flags() -> None:
    """On the way home the bytes must be those that arrived, or signatures break."""
    raw = b"Subject: caf\xe9\r\n\r\nbody\r\n"
    marks = found(
        isRead=True,
        isDraft=False,
        flag={"flagStatus": "flagged"},
        receivedDateTime="2020-05-01T10:00:00Z",
    )
    mime = httpx.Response(200, content=raw, headers={"Content-Type": "text/plain"})
    with GraphDesk(mime, marks) as desk:
        read = desk.mail.read(ID, "AAMk=")

    assert read is not None
    assert read.content == raw
    assert read.flags == ("\\Seen", "\\Flagged")
    assert read.received_utc == datetime(2020, 5, 1, 10, tzinfo=UTC)
    assert desk.asked[0] == f"GET /users/{ID}/messages/AAMk%3D/$value"


def test_a_message_that_is_gone_is_none_and_removed_already() -> None:
    """Its user may have deleted it meanwhile."""
    gone = refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    with GraphDesk(gone, gone) as desk:
        assert desk.mail.read(ID, "x") is None
        desk.mail.remove(ID, "x")

    assert desk.asked[1] == f"POST /users/{ID}/messages/x/permanentDelete"


def test_a_mailbox_that_does_not_answer_proves_nothing_about_a_message() -> None:
    """Taken for "gone", a message would be lost on the way home."""
    closed = refusal(404, "MailboxNotEnabledForRESTAPI")
    with GraphDesk(closed, closed) as desk:
        with pytest.raises(NotYet):
            desk.mail.read(ID, "x")
        with pytest.raises(NotYet):
            desk.mail.remove(ID, "x")


def test_a_probe_is_found_by_its_exact_subject_with_quotes_doubled() -> None:
    """A quote in a subject must not end the filter."""
    with GraphDesk(page({"id": "a"}, {"id": "b"})) as desk:
        handles = desk.mail.find_by_subject(ID, "it's a probe")

    assert handles == ("a", "b")
    assert desk.requests[0].url.params["$filter"] == "subject eq 'it''s a probe'"


def test_mail_is_sent_as_text_and_no_copy_is_kept() -> None:
    """Thousands of probes would fill the sender's sent items."""
    with GraphDesk(httpx.Response(202)) as desk:
        desk.mail.send("probe@contoso.com", "ann@contoso.com", "probe 1", "hello")
        body = desk.body(0)

    assert desk.asked == ["POST /users/probe%40contoso.com/sendMail"]
    sent = {key.lower(): value for key, value in body.items()}
    assert sent["savetosentitems"] is False
    assert sent["message"]["subject"] == "probe 1"
    assert sent["message"]["body"] == {"contentType": "text", "content": "hello"}
    assert sent["message"]["toRecipients"] == [{"emailAddress": {"address": "ann@contoso.com"}}]


def test_an_alert_is_in_the_log_even_when_its_mail_fails(caplog: pytest.LogCaptureFixture) -> None:
    """What fails may be mail itself."""
    with GraphDesk(httpx.Response(503)) as desk, pytest.raises(Unreachable):
        MailNotifier(desk.mail, PLAN).alert("sync is late", "lot-1: 27 h")

    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.WARNING, "alert of Bascule: sync is late: lot-1: 27 h")
    ]


def test_notices_go_to_the_user_and_alerts_to_the_report_mailbox() -> None:
    """Both come from the plan's sender, inside the tenant."""
    with GraphDesk(httpx.Response(202), httpx.Response(202)) as desk:
        notifier = MailNotifier(desk.mail, PLAN)
        notifier.tell_user("ann@contoso.com", "welcome", "text")
        notifier.alert("sync is late", "text")
        bodies = [json.dumps(desk.body(i)) for i in range(2)]

    assert desk.asked == ["POST /users/probe%40contoso.com/sendMail"] * 2
    assert "ann@contoso.com" in bodies[0]
    assert "rapport-migration@contoso.com" in bodies[1]
