"""Cloud mailboxes under the real SDK: folders in any language, whole lists, flags, sending. The SDK loads in 1-2 s."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bascule.adapters.graph import MailNotifier
from bascule.adapters.graph.cloud_mail import MESSAGE_PAGE_COUNT_MAX, WELL_KNOWN_NAMES
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.mail import CloudFolder
from tests.adapters.exchange_desk import PLAN
from tests.adapters.graph_desk import BASE, GraphDesk, found, page, refusal

ID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
MESSAGES = f"{BASE}/users/{ID}/mailFolders/f1/messages"
F1 = CloudFolder("f1", ("F1",), 3)


def folder(
    folder_id: str, name: str, count: int = 0, children: int = 0, **more: Any
) -> dict[str, Any]:
    """A folder as Graph lists it."""
    return {
        "id": folder_id,
        "displayName": name,
        "totalItemCount": count,
        "childFolderCount": children,
        "isHidden": False,
        **more,
    }


def message(message_id: str, **more: Any) -> dict[str, Any]:
    """A message as the list shows it."""
    return {
        "id": message_id,
        "internetMessageId": f"<{message_id}@x>",
        "receivedDateTime": "2020-05-01T10:00:00Z",
        **more,
    }


def entries(*values: dict[str, Any], next_link: str = "") -> dict[str, Any]:
    """A page of a collection, as a body."""
    return {"value": list(values), **({"@odata.nextLink": next_link} if next_link else {})}


def together(**bodies: dict[str, Any]) -> httpx.Response:
    """The answers of a batch, in reverse order."""
    responses = [
        {"id": key, "status": 200, "headers": {}, "body": body} for key, body in bodies.items()
    ]
    return found(responses=responses[::-1])


def each(*bodies: dict[str, Any]) -> httpx.Response:
    """The answers of a batch whose reads are numbered."""
    return together(**{str(index): body for index, body in enumerate(bodies)})


def top(listed: dict[str, Any], **ids: str) -> httpx.Response:
    """The batch that asks for the top folders: a 404 for each well-known folder the mailbox does not have."""
    answer = together(top=listed, **{name: {"id": ids[name]} for name in ids})
    missing = {"error": {"code": "ErrorItemNotFound", "message": "not found in the store."}}
    refused = [
        {"id": name, "status": 404, "headers": {}, "body": missing}
        for name in WELL_KNOWN_NAMES
        if name not in ids
    ]
    return found(responses=[*refused, *answer.json()["responses"]])


def urls(desk: GraphDesk, at: int) -> list[str]:
    """What the batch of one request asks for."""
    return [entry["url"] for entry in desk.body(at)["requests"]]


def test_well_known_folders_have_their_english_names_in_any_language() -> None:
    """Source and cloud are compared by path; "Boîte de réception" is INBOX."""
    listed = entries(
        folder("i", "Boîte de réception", 3, 1),
        folder("s", "Éléments envoyés", 1),
        folder("p", "Projets", 2),
    )
    with GraphDesk(
        top(listed, inbox="i", sentitems="s"), each(entries(folder("c", "Clients", 5)))
    ) as desk:
        folders = desk.mail.folders(ID)

    assert [(each.path, each.message_count) for each in folders] == [
        (("Inbox",), 3),
        (("Inbox", "Clients"), 5),
        (("Projets",), 2),
        (("Sent Items",), 1),
    ]
    assert desk.asked == ["POST /$batch"] * 2
    assert f"/users/{ID}/mailFolders/inbox?$select=id" in urls(desk, 0)
    assert urls(desk, 1)[0].startswith(f"/users/{ID}/mailFolders/i/childFolders?")


def test_search_folders_hidden_folders_and_empty_branches_are_left_out() -> None:
    """A search folder shows mail a second time; counted, the sums would never agree."""
    search = folder("q", "Unread", 9) | {"@odata.type": "#microsoft.graph.mailSearchFolder"}
    listed = entries(
        folder("i", "Inbox", 1),
        search,
        folder("h", "Hidden", 4, isHidden=True),
        folder("e", "Empty"),
        folder("up", "Up", 0, 1),
    )
    with GraphDesk(top(listed, inbox="i"), each(entries(folder("down", "Down", 7)))) as desk:
        folders = desk.mail.folders(ID)

    assert [each.path for each in folders] == [("Inbox",), ("Up",), ("Up", "Down")]


def test_a_folder_of_every_page_is_seen() -> None:
    """The first page alone has ten folders unless more are asked for."""
    link = f"{BASE}/users/{ID}/mailFolders?$skip=1"
    with GraphDesk(
        top(entries(folder("i", "Inbox", 1), next_link=link), inbox="i"),
        page(folder("p", "P", 1)),
    ) as desk:
        folders = desk.mail.folders(ID)

    assert [each.path for each in folders] == [("Inbox",), ("P",)]


def test_a_level_of_many_folders_is_listed_twenty_a_call() -> None:
    """People have hundreds of folders; a call for each would be most of a migration's calls."""
    parents = [folder(f"p{number}", f"P{number:02}", 0, 1) for number in range(21)]
    leaves = [entries(folder(f"c{number}", "C", 1)) for number in range(21)]
    second = together(**{"20": leaves[20]})
    with GraphDesk(top(entries(*parents), inbox="i"), each(*leaves[:20]), second) as desk:
        folders = desk.mail.folders(ID)

    assert len(folders) == 42
    assert [len(urls(desk, at)) for at in (1, 2)] == [20, 1]


def test_a_batch_without_some_of_its_answers_is_no_answer() -> None:
    """A folder of which nothing was heard would count as empty."""
    listed = entries(folder("i", "Inbox", 1, 1), folder("p", "P", 1, 1))
    with (
        GraphDesk(top(listed, inbox="i"), each(entries())) as desk,
        pytest.raises(Unreachable, match="without some"),
    ):
        desk.mail.folders(ID)


def test_a_mailbox_without_an_inbox_among_its_answers_is_asked_again() -> None:
    """Every mailbox has one: without its name INBOX would be compared with another folder."""
    with GraphDesk(top(entries())) as desk, pytest.raises(Unreachable, match="inbox"):
        desk.mail.folders(ID)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "MailboxNotEnabledForRESTAPI", NotYet),
        (429, "TooManyRequests", Throttled),
        (503, "x", Unreachable),
        (403, "ErrorAccessDenied", Refusal),
    ],
)
def test_a_failure_inside_the_batch_fails_the_whole_question(
    status: int, code: str, expected: type[Exception]
) -> None:
    """Without the names, Sent Items of a French mailbox would count as missing."""
    inner = {"id": "inbox", "status": status, "headers": {}, "body": {"error": {"code": code}}}
    with GraphDesk(found(responses=[inner])) as desk, pytest.raises(expected):
        desk.mail.folders(ID)


def test_a_folder_that_went_away_meanwhile_makes_no_short_list() -> None:
    """Its owner moves it while we look: the whole list is made again."""
    gone = {"error": {"code": "ErrorItemNotFound", "message": "not found in the store."}}
    inner = {"id": "0", "status": 404, "headers": {}, "body": gone}
    with GraphDesk(found(responses=[inner])) as desk, pytest.raises(NotYet):
        list(desk.mail.messages(ID, [F1]))


def test_messages_come_from_every_page_and_nothing_private_is_asked_for() -> None:
    """The certificate needs ids and dates; subjects stay where they are."""
    link = f"{MESSAGES}?$skip=1000"
    with GraphDesk(
        each(entries(message("a"), message("b", internetMessageId=None), next_link=link)),
        page(message("c")),
    ) as desk:
        facts = [facts for _, facts in desk.mail.messages(ID, [F1])]

    assert [(each.handle, each.message_id) for each in facts] == [
        ("a", "<a@x>"),
        ("b", ""),
        ("c", "<c@x>"),
    ]
    assert facts[0].received_utc == datetime(2020, 5, 1, 10, tzinfo=UTC)
    assert urls(desk, 0) == [
        f"/users/{ID}/mailFolders/f1/messages?$select=id,internetMessageId,receivedDateTime&$top=1000"
    ]
    assert str(desk.requests[1].url) == link


def test_small_folders_share_a_call_and_each_message_has_its_own_folder() -> None:
    """The answers of a batch come in any order."""
    f2 = CloudFolder("f2", ("F2",), 1)
    with GraphDesk(each(entries(message("a")), entries(message("b")))) as desk:
        listed = list(desk.mail.messages(ID, [F1, f2]))

    assert [(folder.path, facts.handle) for folder, facts in listed] == [
        (("F1",), "a"),
        (("F2",), "b"),
    ]


def test_large_folders_are_not_all_asked_for_at_once() -> None:
    """Twenty full pages of half a kilobyte a message would be held in memory together."""
    folders = [CloudFolder(f"f{number}", (f"F{number}",), 2_500) for number in range(6)]
    with GraphDesk(each(*[entries()] * 5), each(entries())) as desk:
        list(desk.mail.messages(ID, folders))

    assert [len(urls(desk, at)) for at in (0, 1)] == [5, 1]


def test_only_what_came_since_is_asked_for_when_told_so() -> None:
    """Graph keeps times to the second."""
    since_utc = datetime(2020, 5, 1, 10, 0, 0, 999_999, tzinfo=UTC)
    with GraphDesk(each(entries())) as desk:
        list(desk.mail.messages(ID, [F1], since_utc))

    assert urls(desk, 0)[0].endswith("&$filter=receivedDateTime%20ge%202020-05-01T10%3A00%3A00Z")


def test_messages_are_read_page_by_page() -> None:
    """Half a million messages do not fit into memory at once."""
    with GraphDesk(each(entries(message("a"), next_link=f"{MESSAGES}?$skip=1"))) as desk:
        _, first = next(iter(desk.mail.messages(ID, [F1])))

    assert first.handle == "a"
    assert len(desk.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/next",
        "http://graph.microsoft.com/v1.0/next",
        "https://graph.microsoft.com.evil.example/v1.0/x",
    ],
)
def test_a_next_page_on_another_host_is_refused(link: str) -> None:
    """A mailbox is read from Graph or not at all."""
    first = each(entries(message("a"), next_link=link))
    with GraphDesk(first) as desk, pytest.raises(Refusal):
        list(desk.mail.messages(ID, [F1]))

    assert len(desk.requests) == 1


def test_pages_in_a_circle_are_an_error_and_not_a_list() -> None:
    """A list cut short and called whole would prove a mailbox that is not."""
    link = f"{MESSAGES}?$skip=1"
    with (
        GraphDesk(each(entries(next_link=link)), page(next_link=link)) as desk,
        pytest.raises(Refusal, match="twice"),
    ):
        list(desk.mail.messages(ID, [F1]))


def test_a_list_without_end_is_an_error() -> None:
    """Every loop has a bound."""
    links = [f"{MESSAGES}?$skip={i}" for i in range(MESSAGE_PAGE_COUNT_MAX + 1)]
    first = each(entries(next_link=links[0]))
    pages = [page(next_link=link) for link in links[1:]]
    with GraphDesk(first, *pages) as desk, pytest.raises(Refusal, match="pages"):
        list(desk.mail.messages(ID, [F1]))


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
