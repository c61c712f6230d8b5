"""Mailboxes through the simulated Graph: readiness, folders, messages, sending."""

import base64
from datetime import timedelta
from typing import Any

import pytest

# The fixtures' type; pytest loads conftest by path, so it cannot be imported by name.
GraphDesk = Any


def mail(subject: str, message_id: str | None = "<1@example.net>") -> bytes:
    """A small message."""
    identity = f"Message-ID: {message_id}\r\n" if message_id else ""
    return (
        f"From: Ben <ben@example.net>\r\nTo: anna@example.org\r\nSubject: {subject}\r\n"
        f"Date: Sun, 22 Nov 2026 07:00:00 +0000\r\n{identity}\r\nHello\r\n"
    ).encode()


def subjects(body: dict[str, Any]) -> list[str]:
    """The subjects of a page, in order."""
    return [message["subject"] for message in body["value"]]


def outgoing(to: str, **message: Any) -> dict[str, Any]:
    """The body of sendMail."""
    described = {
        "subject": "Probe",
        "body": {"contentType": "Text", "content": "Hello"},
        "toRecipients": [{"emailAddress": {"address": to}}],
        **message,
    }
    return {"message": described}


def test_a_mailbox_that_is_not_open_answers_404_under_several_codes(desk: GraphDesk) -> None:
    """A poller that trusts one code would stop at another."""
    anna = desk.add_user()
    codes = {desk.error("GET", f"users/{anna.user_id}/mailboxSettings") for _ in range(20)}

    assert codes == {(404, "MailboxNotEnabledForRESTAPI"), (404, "ResourceNotFound")}
    assert desk.error("GET", "users/nobody@example.org/mailboxSettings") == (
        404,
        "Request_ResourceNotFound",
    )


def test_the_mailbox_service_knows_a_new_account_later(stormy_desk: GraphDesk) -> None:
    """A wrong identifier and a new account look alike for a while."""
    anna = stormy_desk.add_user()
    codes = {stormy_desk.error("GET", f"users/{anna.user_id}/mailboxSettings") for _ in range(20)}

    assert (404, "ErrorInvalidUser") in codes


def test_an_open_mailbox_tells_its_purpose(desk: GraphDesk) -> None:
    """A 200 here is what the product calls an open mailbox."""
    anna = desk.add_mailbox()

    settings = desk.get(f"users/{anna.user_id}/mailboxSettings?$select=userPurpose,timeZone")

    assert (settings["userPurpose"], settings["timeZone"]) == ("user", "UTC")


def test_folders_come_ten_at_a_time_and_search_folders_only_on_request(desk: GraphDesk) -> None:
    """A survey that reads one page, or sums a search folder, would count wrong."""
    anna = desk.add_mailbox()
    for number in range(7):
        anna.store.folder(f"Project {number}")
    path = f"users/{anna.user_id}/mailFolders"
    first = desk.get(path)
    second = desk.get(first["@odata.nextLink"])
    everything = desk.get(f"{path}?includeHiddenFolders=true&$top=100")["value"]

    assert (len(first["value"]), len(second["value"])) == (10, 3)
    assert "@odata.nextLink" not in second
    assert [f["displayName"] for f in everything if "@odata.type" in f] == ["Unread Mail"]


def test_folders_below_others_are_listed_below_them(desk: GraphDesk) -> None:
    """Subfolders would be missing from the certificate."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("deep"), "Inbox/Clients/2025")
    path = f"users/{anna.user_id}/mailFolders"
    inbox = desk.get(f"{path}/inbox")
    clients = desk.get(f"{path}/{inbox['id']}/childFolders")["value"][0]
    year = desk.get(f"{path}/{clients['id']}/childFolders")["value"][0]

    assert (inbox["childFolderCount"], clients["displayName"]) == (1, "Clients")
    assert (year["displayName"], year["totalItemCount"], year["unreadItemCount"]) == ("2025", 1, 1)
    assert year["parentFolderId"] == clients["id"]


def test_messages_come_newest_first_in_pages(desk: GraphDesk) -> None:
    """A certificate over a large folder would stop after ten messages."""
    anna = desk.add_mailbox()
    for number in range(12):
        desk.store(anna, mail(f"number {number:02}"))
    path = f"users/{anna.user_id}/mailFolders/inbox/messages?$select=subject"
    first = desk.get(path)
    second = desk.get(first["@odata.nextLink"])
    everything = desk.get(f"{path}&$top=1000")

    assert subjects(first)[0] == "number 11"
    assert subjects(second) == ["number 01", "number 00"]
    assert len(everything["value"]) == 12
    assert "@odata.nextLink" not in everything


@pytest.mark.parametrize("top", ["0", "1001", "-1", "many"])
def test_a_page_size_out_of_bounds_is_refused(desk: GraphDesk, top: str) -> None:
    """The service refuses it; a client that asks for everything at once would be surprised."""
    anna = desk.add_mailbox()

    assert desk.error("GET", f"users/{anna.user_id}/messages?$top={top}") == (400, "BadRequest")


def test_messages_are_found_by_subject_identity_and_time(desk: GraphDesk) -> None:
    """Probes are found by their subject; a quote in it must not end the search."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("It's here", "<probe@example.org>"))
    half_time = desk.clock.now_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    desk.store(anna, mail("=?utf-8?b?w6l0w6k=?=", "<ete@example.org>"), "Projects")
    path = f"users/{anna.user_id}/messages?$select=subject&$filter="

    assert subjects(desk.get(f"{path}subject eq 'It''s here'")) == ["It's here"]
    assert subjects(desk.get(f"{path}internetMessageId eq '<ete@example.org>'")) == ["été"]
    assert subjects(desk.get(f"{path}receivedDateTime ge {half_time}")) == ["été"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("$filter=subject eq 'x'&$orderby=receivedDateTime", "InefficientFilter"),
        ("$filter=importance eq 'high'", "ErrorInvalidUrlQueryFilter"),
        ("$filter=subjekt eq 'x'", "RequestBroker--ParseUri"),
        ("$select=subjekt", "RequestBroker--ParseUri"),
        ("$expand=attachments", "BadRequest"),
    ],
)
def test_a_search_the_mailbox_cannot_do_is_refused(
    desk: GraphDesk, options: str, code: str
) -> None:
    """A search that is ignored finds everything."""
    anna = desk.add_mailbox()

    assert desk.error("GET", f"users/{anna.user_id}/messages?{options}") == (400, code)


def test_a_message_has_the_properties_of_the_resource(desk: GraphDesk) -> None:
    """The survey reads identity and time; the words must be the service's."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("Hello"))
    message = desk.get(f"users/{anna.user_id}/mailFolders/inbox/messages")["value"][0]

    assert message["internetMessageId"] == "<1@example.net>"
    assert message["from"] == {"emailAddress": {"name": "Ben", "address": "ben@example.net"}}
    assert message["receivedDateTime"].endswith("Z")
    assert message["sentDateTime"] == "2026-11-22T07:00:00Z"
    assert (message["isRead"], message["isDraft"], message["hasAttachments"]) == (False,) * 3
    assert "internetMessageHeaders" not in message


def test_headers_come_when_they_are_asked_for(desk: GraphDesk) -> None:
    """The probe that a rule stamped is known by its header."""
    anna = desk.add_mailbox()
    desk.store(anna, b"X-Bascule-Routed: 1\r\n" + mail("Hello"))
    path = f"users/{anna.user_id}/messages?$select=internetMessageHeaders"
    message = desk.get(path)["value"][0]

    assert {"name": "X-Bascule-Routed", "value": "1"} in message["internetMessageHeaders"]


def test_a_message_stored_without_identity_is_shown_without_one(desk: GraphDesk) -> None:
    """A draft has none until it is sent, and its way home must be tried with such a one."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("Nameless", message_id=None))
    path = f"users/{anna.user_id}/messages"
    first = desk.get(path)["value"][0]
    mime = desk.call("GET", f"{path}/{first['id']}/$value")

    assert first["internetMessageId"] is None
    assert mime.body == mail("Nameless", message_id=None)


def test_a_message_comes_home_byte_for_byte(desk: GraphDesk) -> None:
    """A rollback would change signatures and attachments."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("Signed"))
    identifier = desk.get(f"users/{anna.user_id}/messages")["value"][0]["id"]
    mime = desk.call("GET", f"users/{anna.user_id}/messages/{identifier}/$value")

    assert (mime.content_type, mime.body) == ("text/plain", mail("Signed"))


def test_the_listing_permission_shows_no_bodies(desk: GraphDesk) -> None:
    """The least privilege of the survey would be found too small in production."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("Secret"))
    lister = frozenset({"Mail.ReadBasic.All"})
    path = f"users/{anna.user_id}/messages"
    message = desk.get(path, roles=lister)["value"][0]

    assert "body" not in message
    assert desk.error("GET", f"{path}?$select=body", roles=lister) == (403, "ErrorAccessDenied")
    assert desk.error("GET", f"{path}/{message['id']}/$value", roles=lister) == (
        403,
        "ErrorAccessDenied",
    )


def test_a_deleted_message_is_gone_but_recoverable_one_deleted_for_good_is_not(
    desk: GraphDesk,
) -> None:
    """Probes must leave nothing behind; people's mail must be recoverable."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("deleted"))
    desk.store(anna, mail("purged"))
    path = f"users/{anna.user_id}/messages"
    purged, deleted = (message["id"] for message in desk.get(path)["value"])

    assert desk.call("DELETE", f"{path}/{deleted}").status == 204
    assert desk.call("POST", f"{path}/{purged}/permanentDelete").status == 204
    assert desk.get(path)["value"] == []
    bin_path = f"users/{anna.user_id}/mailFolders/recoverableitemsdeletions/messages"
    assert subjects(desk.get(bin_path)) == ["deleted"]
    assert desk.error("DELETE", f"{path}/{deleted}") == (404, "ErrorItemNotFound")


def test_a_message_is_marked_read(desk: GraphDesk) -> None:
    """Unread counts would never change."""
    anna = desk.add_mailbox()
    desk.store(anna, mail("new"))
    path = f"users/{anna.user_id}"
    identifier = desk.get(f"{path}/messages")["value"][0]["id"]
    marked = desk.call("PATCH", f"{path}/messages/{identifier}", {"isRead": True})

    assert marked.body["isRead"] is True
    assert desk.get(f"{path}/mailFolders/inbox")["unreadItemCount"] == 0


def test_an_identifier_of_another_mailbox_is_not_found(desk: GraphDesk) -> None:
    """One person's mail would be read through another's mailbox."""
    anna, ben = desk.add_mailbox("anna"), desk.add_mailbox("ben")
    desk.store(anna, mail("private"))
    identifier = desk.get(f"users/{anna.user_id}/messages")["value"][0]["id"]

    assert desk.error("GET", f"users/{ben.user_id}/messages/{identifier}") == (
        404,
        "ErrorItemNotFound",
    )
    assert desk.error("GET", f"users/{ben.user_id}/messages/rubbish") == (
        400,
        "ErrorInvalidIdMalformed",
    )


def test_a_folder_is_made_once(desk: GraphDesk) -> None:
    """A repeated step would fail on its own folder without knowing why."""
    anna = desk.add_mailbox()
    path = f"users/{anna.user_id}/mailFolders"
    made = desk.call("POST", path, {"displayName": "Lost / found"})
    child = desk.call("POST", f"{path}/{made.body['id']}/childFolders", {"displayName": "2025"})

    assert (made.status, made.body["displayName"]) == (201, "Lost / found")
    assert child.body["parentFolderId"] == made.body["id"]
    assert desk.error("POST", path, {"displayName": "Lost / found"}) == (409, "ErrorFolderExists")


def test_sent_mail_arrives_and_a_copy_is_kept_unless_declined(desk: GraphDesk) -> None:
    """The probe goes this way; a copy kept of each would fill the sender's mailbox."""
    anna = desk.add_mailbox()
    path = f"users/{anna.user_id}"
    kept = desk.call("POST", f"{path}/sendMail", outgoing("anna@example.org", subject="kept"))
    silent = outgoing("anna@example.org", subject="silent") | {"saveToSentItems": False}
    desk.call("POST", f"{path}/sendMail", silent)
    desk.clock.pass_time(timedelta(minutes=1).total_seconds())

    assert (kept.status, kept.body) == (202, None)
    assert sorted(subjects(desk.get(f"{path}/mailFolders/inbox/messages"))) == ["kept", "silent"]
    assert subjects(desk.get(f"{path}/mailFolders/sentitems/messages")) == ["kept"]


def test_mail_is_sent_as_mime_too(desk: GraphDesk) -> None:
    """A report with an attachment is easier to send so."""
    anna = desk.add_mailbox()
    path = f"users/{anna.user_id}"
    raw = mail("As it is")
    headers = {"Content-Type": "text/plain"}
    sent = desk.call("POST", f"{path}/sendMail", base64.b64encode(raw), headers=headers)
    desk.clock.pass_time(60)

    assert sent.status == 202
    assert subjects(desk.get(f"{path}/mailFolders/inbox/messages")) == ["As it is"]
    assert desk.error("POST", f"{path}/sendMail", b"*", headers=headers) == (
        400,
        "ErrorMimeContentInvalidBase64String",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "ErrorInvalidParameter"),
        (outgoing("nowhere"), "ErrorInvalidRecipients"),
        (outgoing("a@b.org", toRecipients=[]), "ErrorInvalidRecipients"),
        (outgoing("a@b.org", priority="high"), "RequestBodyRead"),
        (
            outgoing("a@b.org", internetMessageHeaders=[{"name": "List-Id", "value": "1"}]),
            "InvalidInternetMessageHeader",
        ),
    ],
)
def test_mail_that_cannot_be_sent_is_refused(
    desk: GraphDesk, body: dict[str, Any], code: str
) -> None:
    """A probe that never left would be waited for."""
    anna = desk.add_mailbox()

    assert desk.error("POST", f"users/{anna.user_id}/sendMail", body) == (400, code)
