"""Every route of the HTTP API, asked rightly and wrongly, over the wire."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.local_host.loader import import_app, index
from tests.end_to_end.rehearsal import Rehearsal, csv_of, rehearsal

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The batch `pilot`: two mailboxes synced, one set aside for its wrong password; open in fifteen seconds."""
    made = rehearsal(tmp_path_factory.mktemp("api") / "rig", 3)
    with made.rig:
        made.rig.open()
        wrong = replace(made.people[2], password="Not-the-password-1")
        made.upload("pilot", [*made.people[:2], wrong])
        made.wait_for_stage("pilot", "SYNCED", "SET_ASIDE")
        yield made


def test_every_batch_is_listed_with_its_state(run: Rehearsal) -> None:
    """The first question of an operator in the morning."""
    answer = run.call("GET", "/batches")

    assert answer.status == 200
    assert answer.body == {"batches": [{"batch": "pilot", "state": "running", "rows": 3}]}


def test_a_batch_tells_its_counts_and_who_is_set_aside_why(run: Rehearsal) -> None:
    """Who is set aside waits for a person: the one who reads this."""
    view = run.batch("pilot")

    assert view["stages"] == {"SET_ASIDE": 1, "SYNCED": 2}
    assert view["set_aside"] == {run.people[2].address: "source_login_refused"}
    assert view["sync_batches"] == ["pilot"]


def test_mailboxes_come_in_pages_and_by_stage(run: Rehearsal) -> None:
    """Ten thousand mailboxes do not fit in one answer, and only those set aside need somebody."""
    first = run.call("GET", "/batches/pilot/mailboxes", top="2").body
    rest = run.call("GET", "/batches/pilot/mailboxes", top="2", after=first["after"]).body
    aside = run.call("GET", "/batches/pilot/mailboxes", stage="SET_ASIDE").body

    found = [row["address"] for row in first["mailboxes"] + rest["mailboxes"]]

    assert sorted(found) == sorted(person.address for person in run.people)
    assert (len(first["mailboxes"]), rest["after"]) == (2, "")
    assert [row["address"] for row in aside["mailboxes"]] == [run.people[2].address]


def test_one_mailbox_tells_where_it_stands(run: Rehearsal) -> None:
    """What a user on the phone is told comes from here; spelling and case of the address do not matter."""
    person = run.people[0]
    answer = run.call("GET", f"/batches/pilot/mailboxes/{person.address.upper()}")

    assert answer.status == 200
    assert (answer.body["address"], answer.body["stage"]) == (person.address, "SYNCED")
    assert answer.body["source_message_count"] == 5


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/batches/nobody"),
        ("GET", "/batches/nobody/mailboxes"),
        ("GET", "/batches/pilot/mailboxes/stranger@example.org"),
        ("POST", "/batches/nobody/cutover"),
        ("POST", "/batches/nobody/rollback"),
        ("POST", "/batches/nobody/retry"),
        ("POST", "/batches/nobody/abandon"),
        ("POST", "/batches/nobody/survey"),
        ("POST", "/batches/nobody/sync"),
        ("POST", "/batches/nobody/difference"),
        ("GET", "/requests/cutover-nobody-0123456789ab"),
        ("GET", "/requests/batch-pilot"),
    ],
)
def test_what_does_not_exist_is_said_to_be_missing(run: Rehearsal, method: str, path: str) -> None:
    """An operator who misspells a name must not think that something was asked of the right one."""
    body = {"mailboxes": "all"} if method == "POST" else None
    answer = run.call(method, path, body)

    assert answer.status == 404
    assert len(answer.body["mistakes"]) == 1


@pytest.mark.parametrize("name", ["Pilot", "pilot_1", "-pilot", "p" * 41, "pilot..1"])
def test_a_name_that_can_be_no_batch_is_refused_everywhere(run: Rehearsal, name: str) -> None:
    """A name becomes part of keys and of ids: a wrong one would be found out only by the storage."""
    looked = run.call("GET", f"/batches/{name}")
    asked = run.call("POST", f"/batches/{name}/cutover", {"mailboxes": "all"})
    uploaded = run.call("POST", "/batches", content=csv_of(run.people), name=name)

    assert [looked.status, asked.status, uploaded.status] == [400, 400, 400]
    assert all("no batch name" in each.body["mistakes"][0] for each in (looked, asked, uploaded))
    assert run.rig.uploads_left() == []


def test_a_wish_with_many_mistakes_is_refused_with_all_of_them(run: Rehearsal) -> None:
    """One mistake an answer makes the night of the cutover long."""
    body = {"mailboxes": ["no address"], "at": "soon", "waive": ["everything"], "speed": "high"}
    answer = run.call("POST", "/batches/pilot/cutover", body)
    named = [mistake.partition(":")[0] for mistake in answer.body["mistakes"]]

    assert answer.status == 400
    assert sorted(named) == ["at", "mailboxes", "speed", "waive"]


@pytest.mark.parametrize(
    ("wish", "body", "mistake"),
    [
        ("rollback", {"mailboxes": "all", "at": "2026-12-01T06:00:00Z"}, "at: only a cutover"),
        ("retry", {"mailboxes": "all", "waive": ["message_too_large"]}, "waive: only a cutover"),
        ("abandon", {}, "mailboxes: give"),
        ("abandon", {"mailboxes": []}, "mailboxes: give"),
        ("cutover", {"mailboxes": "everybody"}, "mailboxes: give"),
        ("cutover", {"mailboxes": ["a@example.org"] * 701}, "mailboxes: name at most 700"),
        ("cutover", ["all"], "the body is not a JSON object"),
        ("cutover", {"mailboxes": "all", "at": 7}, "at: write ISO 8601"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    run: Rehearsal, wish: str, body: object, mistake: str
) -> None:
    """What is not understood must not be taken for "all of them, now"."""
    answer = run.call("POST", f"/batches/pilot/{wish}", body)

    assert answer.status == 400
    assert any(each.startswith(mistake) for each in answer.body["mistakes"])


def test_a_body_that_is_no_json_is_refused(run: Rehearsal) -> None:
    """A shell that ate the quotes is found out here."""
    answer = run.call("POST", "/batches/pilot/cutover", content=b"{mailboxes: all}")

    assert answer.status == 400
    assert answer.body["mistakes"][0].startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [({"top": "0"}, "top"), ({"top": "many"}, "top"), ({"stage": "DONE"}, "stage")],
)
def test_a_filter_that_makes_no_sense_is_refused(
    run: Rehearsal, parameters: dict[str, str], named: str
) -> None:
    """An empty list for a misspelt stage would read as "nobody is set aside"."""
    answer = run.call("GET", "/batches/pilot/mailboxes", None, None, **parameters)

    assert answer.status == 400
    assert [mistake.partition(":")[0] for mistake in answer.body["mistakes"]] == [named]


def test_two_wrong_filters_are_both_named(run: Rehearsal) -> None:
    """Every mistake at once, here too."""
    answer = run.call("GET", "/batches/pilot/mailboxes", top="0", stage="DONE")

    assert sorted(each.partition(":")[0] for each in answer.body["mistakes"]) == ["stage", "top"]


def test_an_upload_over_http_becomes_a_batch(run: Rehearsal) -> None:
    """Not every operator has a tool for blobs."""
    empty = run.call("POST", "/batches", content=b"", name="overhttp")
    answer = run.call("POST", "/batches", content=b"EmailAddress\r\nx\r\n", name="overhttp")

    assert (empty.status, answer.status) == (400, 202)
    assert answer.body == {"batch": "overhttp", "status": "/api/batches/overhttp"}
    assert run.wait_for_state("overhttp", "refused")["refused"]["code"] == "invalid_file"


def test_a_sync_is_asked_of_the_batches_that_there_are(run: Rehearsal) -> None:
    """Before a cutover a fresh delta saves the final one time."""
    answer = run.call("POST", "/batches/pilot/sync")

    assert answer.status == 202
    assert answer.body == {"batch": "pilot", "sync_batches": ["pilot"]}


def test_a_difference_that_nobody_made_cannot_be_accepted(run: Rehearsal) -> None:
    """An old fingerprint must not apply a file that nobody has read."""
    nameless = run.call("POST", "/batches/pilot/difference")
    unknown = run.call("POST", "/batches/pilot/difference", fingerprint="0" * 64)

    assert (nameless.status, unknown.status) == (409, 409)


def test_who_cannot_take_a_wish_is_named_with_the_reason(run: Rehearsal) -> None:
    """Otherwise a mailbox stays behind and nobody knows why."""
    synced, aside = run.people[0].address, run.people[2].address
    stranger = "stranger@example.org"

    rolled = run.wish("pilot", "rollback", [synced])
    retried = run.wish("pilot", "retry", [synced])
    cut = run.wish("pilot", "cutover", [aside, stranger])

    assert _refused(rolled) == {synced: "its cutover has not begun, and none is asked for"}
    assert _refused(retried) == {synced: "it is SYNCED, not set aside"}
    wait_or_retry = "it is SET_ASIDE; name an instant yet to come, or ask for the retry first"
    assert _refused(cut)[aside] == wait_or_retry
    assert sorted(_refused(cut).values()) == [wait_or_retry, "it is not in this batch"]
    assert [each["granted"] for each in (rolled, retried, cut)] == [0, 0, 0]


def test_a_source_is_surveyed_again_on_a_word(run: Rehearsal) -> None:
    """Whoever has had a folder renamed wants to see, before the night, that nothing is held up any more."""
    synced, aside = run.people[0].address, run.people[2].address
    outcome = run.wish("pilot", "survey", [synced, aside])

    assert (outcome["granted"], list(_refused(outcome))) == (1, [aside])
    run.wait(lambda: _is_surveyed(run, synced), "the survey")


def _is_surveyed(run: Rehearsal, address: str) -> bool:
    row = run.call("GET", f"/batches/pilot/mailboxes/{address}").body
    return bool(row["survey_asked_utc"]) and row["survey_asked_utc"] <= row["surveyed_utc"]


def test_one_who_is_set_aside_can_be_abandoned(run: Rehearsal) -> None:
    """A batch with one hopeless mailbox must still come to its end."""
    aside = run.people[2].address
    outcome = run.wish("pilot", "abandon", [aside])
    run.wait(lambda: "ABANDONED" in run.batch("pilot")["stages"], "the mailbox abandoned")

    assert outcome["granted"] == 1
    assert run.batch("pilot")["set_aside"] == {}


def test_the_api_describes_itself_truly(run: Rehearsal) -> None:
    """Clients are made from this document."""
    document = run.call("GET", "/openapi.json").body
    told = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }

    assert told == _registered()
    assert document["openapi"].startswith("3.")


def test_what_is_asked_in_another_way_than_described_is_not_found(run: Rehearsal) -> None:
    """A GET that cut mailboxes over would be run by the first link checker."""
    assert run.call("GET", "/batches/pilot/cutover").status in {404, 405}
    assert run.call("DELETE", "/batches/pilot").status in {404, 405}


def _refused(outcome: dict[str, object]) -> dict[str, str]:
    refused = outcome["refused"]
    assert isinstance(refused, list)
    return {each["address"]: each["why"] for each in refused}


def _registered() -> set[tuple[str, str]]:
    app = index(import_app(REPOSITORY))
    return {
        (str(method).upper(), "/" + re.sub(r":\w+", "", str(each.trigger["route"])))
        for each in app.of_kind("httpTrigger")
        for method in each.trigger["methods"]
    }
