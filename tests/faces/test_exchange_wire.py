"""Encodings, error shapes and pages of the Exchange admin gateway, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.faces.exchange_encoding import Change, Kind, Size, UtcText, bind, encoded
from sandbox.faces.exchange_errors import GatewayError, Shape, refused, unwell
from sandbox.faces.exchange_paging import LINK_LIFETIME_S, Pages, page_size
from sandbox.world.exchange_refusals import MemberAlready

HASH_TABLE = "#Exchange.GenericHashTable"


def test_a_list_is_replaced_changed_or_left_alone() -> None:
    """An empty array clears nothing: callers who want a list empty must remove its items."""
    before = ("a", "b")
    changed = bind("P", Kind.TEXTS, (), {"@odata.type": HASH_TABLE, "add": ["c"], "Remove": ["A"]})
    emptied = bind("P", Kind.TEXTS, (), [])
    replaced = bind("P", Kind.TEXTS, (), "z")

    assert isinstance(changed, Change)
    assert isinstance(emptied, Change)
    assert isinstance(replaced, Change)
    assert changed.applied(before) == ("b", "c")
    assert emptied.applied(before) == before
    assert replaced.applied(before) == ("z",)


@pytest.mark.parametrize(
    ("kind", "raw", "bound"),
    [
        (Kind.SIZE, "150MB", 150 * 1024 * 1024),
        (Kind.TIME_SPAN, "1.02:03:04", 93784.0),
        (Kind.TIME_SPAN, "00:00:00", 0.0),
        (Kind.INSTANT, "2026-03-01T06:00:00.0000000Z", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        (Kind.COUNT_OR_UNLIMITED, "Unlimited", None),
        (Kind.BYTES, [69, 109], b"Em"),
    ],
)
def test_values_convert_as_the_service_converts_them(
    kind: Kind, raw: object, bound: object
) -> None:
    """Dates have seven digits of a second, sizes have units, spans have days before a dot."""
    assert bind("P", kind, (), raw) == bound


def test_objects_are_written_with_types_beside_the_values() -> None:
    """Some instants come without a zone, and are UTC all the same."""
    when = datetime(2026, 3, 1, 8, 0, 0, 5, tzinfo=UTC)
    row = encoded(
        {"A": when, "B": UtcText(when), "C": timedelta(days=1, hours=2), "D": Size(1536), "E": None}
    )

    assert row["A"] == "2026-03-01T08:00:00.0000050"
    assert row["B"] == "2026-03-01T08:00:00.0000050Z"
    assert row["C"] == "1.02:00:00"
    assert row["D"] == "1.5 KB (1,536 bytes)"
    assert row["A@data.type"] == "System.DateTime"
    assert row["E"] is None


@pytest.mark.parametrize(
    ("shape", "begins"),
    [
        (Shape.TYPED, "Ex6F9304|Microsoft.Exchange.Management.Tasks.MemberAlready"),
        (Shape.EMBEDDED, '{"Message": "a | b"'),
        (Shape.PROXIED, 'Error on proxy command {"Message"'),
    ],
)
def test_a_refusal_is_packed_in_any_of_three_ways(shape: Shape, begins: str) -> None:
    """The sentence may hold a bar itself; a reader that splits at each bar cuts it."""
    reply = refused(MemberAlready("a | b"), shape)
    assert isinstance(reply.body, dict)

    assert reply.body["error"]["details"][0]["message"].startswith(begins)


def test_a_type_may_stand_in_the_inner_exception_alone() -> None:
    """A reader that stops at the details takes a busy server for one that says no."""
    for reply, kind in (
        (refused(MemberAlready("a | b"), Shape.UNTYPED), "MemberAlreadyExistsException"),
        (unwell(503, Shape.UNTYPED), "ServerBusyException"),
    ):
        assert isinstance(reply.body, dict)
        error = reply.body["error"]

        assert reply.status == 400
        assert "|" not in error["details"][0]["message"]
        assert error["innererror"]["internalexception"]["type"].endswith(kind)
        assert "x-ExceptionType" not in reply.headers


def test_a_link_dies_and_belongs_to_one_origin_and_one_call() -> None:
    """A page fetched late or elsewhere must be an error, never an empty end."""
    now_s = [0.0]
    pages = Pages(lambda: now_s[0])
    rows = [{"n": number} for number in range(5)]
    page, token = pages.first(rows, 2, "http://a", {"call": 1})
    assert token is not None

    assert page == rows[:2]
    assert pages.next(token, 2, "http://a", {"call": 1})[0] == rows[2:4]
    for origin, call in (("http://b", {"call": 1}), ("http://a", {"call": 2})):
        with pytest.raises(GatewayError):
            pages.next(token, 2, origin, call)

    now_s[0] = LINK_LIFETIME_S + 1

    with pytest.raises(GatewayError):
        pages.next(token, 2, "http://a", {"call": 1})


def test_no_page_is_larger_than_the_service_gives() -> None:
    """The service caps what a caller asks for."""
    assert page_size("odata.maxpagesize=5000;odata.continue-on-error") == 1000
    assert page_size("") == 1000
    assert page_size("odata.maxpagesize=10") == 10
