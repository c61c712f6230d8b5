"""Cloud mailboxes under the real SDK: folders in any language, whole lists. The SDK loads in 1-2 s."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bascule.adapters.graph.cloud_mail import MESSAGE_PAGE_COUNT_MAX, WELL_KNOWN_NAMES
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.mail import CloudFolder
from tests.adapters.graph_desk import BASE, GraphDesk, found, page

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
    later = {"receivedDateTime": "2020-05-01T10:00:01Z"}
    first = [message("a"), message("b", internetMessageId=None, **later)]
    with GraphDesk(
        each(entries(*first, next_link=f"{MESSAGES}?$skip=1000")),
        page(first[1], message("c", **later)),
    ) as desk:
        facts = [facts for _, facts in desk.mail.messages(ID, [F1])]

    assert [(each.handle, each.message_id) for each in facts] == [
        ("a", "<a@x>"),
        ("b", ""),
        ("c", "<c@x>"),
    ]
    assert facts[0].received_utc == datetime(2020, 5, 1, 10, tzinfo=UTC)
    asked = "$select=id,internetMessageId,receivedDateTime&$top=1000&$orderby=receivedDateTime"
    assert urls(desk, 0) == [f"/users/{ID}/mailFolders/f1/messages?{asked}"]
    assert desk.asked[1].startswith(f"GET /users/{ID}/mailFolders/f1/messages?{asked}&$filter=")
    assert desk.requests[1].url.params["$filter"] == "receivedDateTime ge 2020-05-01T10:00:01Z"


def test_a_page_of_one_second_is_followed_by_the_page_that_it_links_to() -> None:
    """A program may have put more than a page of messages into one second; asked for from there, it comes for ever."""
    link = f"{MESSAGES}?$filter=x&$skip=1000"
    with GraphDesk(
        each(entries(message("a"), next_link=f"{MESSAGES}?$skip=1000")),
        page(message("a"), next_link=link),
        page(message("b")),
    ) as desk:
        handles = [facts.handle for _, facts in desk.mail.messages(ID, [F1])]

    assert handles == ["a", "b"]
    assert str(desk.requests[2].url) == link


def test_a_list_in_another_order_is_an_error_and_no_list() -> None:
    """Read on from where it ends, it would lack whatever is older."""
    later = message("a", receivedDateTime="2020-05-01T10:00:01Z")
    with (
        GraphDesk(each(entries(later, message("b")))) as desk,
        pytest.raises(Refusal, match="order"),
    ):
        list(desk.mail.messages(ID, [F1]))


def test_a_folder_that_moved_on_to_the_next_page_is_listed_once() -> None:
    """Somebody makes a folder meanwhile; listed twice, all mail of another one would count as doubled."""
    link = f"{BASE}/users/{ID}/mailFolders?$skip=2"
    with GraphDesk(
        top(entries(folder("i", "Inbox", 1), folder("p", "P", 1), next_link=link), inbox="i"),
        page(folder("p", "P", 1), folder("q", "Q", 1)),
    ) as desk:
        folders = desk.mail.folders(ID)

    assert [each.path for each in folders] == [("Inbox",), ("P",), ("Q",)]


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
    with GraphDesk(each(entries(next_link=link))) as desk, pytest.raises(Refusal):
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
