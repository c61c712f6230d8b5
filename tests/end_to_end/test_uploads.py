"""Files as operators really upload them: twice, changed, wrong, too many; over storage, trigger and API."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from bascule.domain.addresses import mailbox_key
from sandbox.world.population import Person
from tests.end_to_end.mistaken_file import mistaken_file
from tests.end_to_end.rehearsal import COLUMNS, Rehearsal, csv_of, csv_rows, rehearsal

pytestmark = pytest.mark.slow

UNDER_WAY = ("COEXISTING", "SYNCING", "SYNCED")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One rig for all tests here, each with batches and people of its own; opening takes four seconds."""
    made = rehearsal(tmp_path_factory.mktemp("uploads") / "rig", 9)
    with made.rig:
        made.rig.open()
        yield made


def test_one_file_delivered_twice_is_one_batch(run: Rehearsal) -> None:
    """Events are delivered at least once: the second delivery must not start, change or complain about anything."""
    people = run.people[0:2]
    run.upload("twice", people)
    _touch(run, "twice")  # a changed ETag, which the trigger takes for another upload
    run.wait_for_stage("twice", *UNDER_WAY)
    run.wait_until_taken_in()
    view = run.batch("twice")

    assert view["mailboxes"] == len(people)
    assert "difference" not in view
    assert "last_refused_upload" not in view
    assert _stories(run, "twice") == len(people) + 1


def test_the_same_content_again_is_the_same_batch(run: Rehearsal) -> None:
    """An operator who is not sure uploads again; quotes and order of the rows may differ then."""
    people = run.people[2:4]
    run.upload("again", people)
    run.wait_for_stage("again", *UNDER_WAY)
    run.rig.upload("again", csv_of(reversed(people)).replace(b"\r\n", b"\n"))
    run.wait_until_taken_in()
    view = run.batch("again")

    assert view["state"] == "running"
    assert view["mailboxes"] == len(people)
    assert "difference" not in view


def test_a_changed_file_changes_nothing_until_it_is_accepted(run: Rehearsal) -> None:
    """A wrong file over a running batch must not move people who were never asked."""
    first, second, added = run.people[4:7]
    run.upload("changed", [first, second])
    run.wait_for_stage("changed", *UNDER_WAY)
    run.rig.upload("changed", csv_rows([_cells(first, name="Autre Nom"), _cells(added)]))
    run.wait(lambda: "difference" in run.batch("changed"), "a difference")
    run.wait_until_taken_in()
    difference = run.batch("changed")["difference"]

    assert difference["added"] == [added.address]
    assert difference["removed"] == [second.address]
    assert difference["changed"] == [{"address": first.address, "fields": ["display_name"]}]
    assert run.batch("changed")["mailboxes"] == 2
    assert run.rig.world.tenant.directory.truth(added.address) is None

    wrong = run.call("POST", "/batches/changed/difference", fingerprint="another")
    right = run.call("POST", "/batches/changed/difference", fingerprint=difference["fingerprint"])
    run.wait(lambda: run.batch("changed")["mailboxes"] == 3, "the added mailbox")
    run.wait_for_stage("changed", *UNDER_WAY)

    assert (wrong.status, right.status) == (409, 202)
    assert "difference" not in run.batch("changed")
    assert _row(run, "changed", first)["display_name"] == "Autre Nom"
    assert run.rig.world.tenant.directory.truth(added.address) is not None


def test_an_address_of_another_batch_is_refused_with_its_line(run: Rehearsal) -> None:
    """Two batches that move one mailbox would redirect it twice and roll each other back."""
    held, free = run.people[7:9]
    run.upload("holder", [held])
    run.wait_for_stage("holder", *UNDER_WAY)
    run.upload("taker", [free, held])
    refused = run.wait_for_state("taker", "refused")["refused"]
    run.wait_until_taken_in()

    assert [(each["line"], each["column_name"]) for each in refused["mistakes"]] == [
        (3, "EmailAddress")
    ]
    assert "holder" in refused["mistakes"][0]["what"]
    assert run.rig.world.tenant.directory.truth(free.address) is None

    run.upload("taker", [free])
    run.wait_for_stage("taker", *UNDER_WAY)


def test_forty_mistakes_are_named_at_once(run: Rehearsal) -> None:
    """An operator who learns one mistake per upload gives up before the fortieth."""
    content, places = mistaken_file()
    run.rig.upload("mistakes", content)
    refused = run.wait_for_state("mistakes", "refused")["refused"]
    run.wait_until_taken_in()

    assert {(each["line"], each["column"]) for each in refused["mistakes"]} == places
    assert len(refused["mistakes"]) == len(places) == 40
    assert all(each["what"] and each["todo"] for each in refused["mistakes"])


def test_a_batch_without_seats_is_refused_whole_and_writes_nothing(run: Rehearsal) -> None:
    """Half a batch licensed means half a school without mail, and the other half to be found by hand."""
    before = _tenant(run)
    rows = [_cells(person, local=f"prof{n}") for n, person in enumerate(run.people[:3])]
    run.rig.upload("seats", csv_rows([[*row, "staff"] for row in rows], [*COLUMNS, "Cohort"]))
    refused = run.wait_for_state("seats", "refused")["refused"]
    run.wait_until_taken_in()

    assert refused["code"] == "no_seat"
    assert "2 seats are missing" in refused["detail"]
    assert _tenant(run) == before


@pytest.mark.parametrize(
    "file_name", ["Été 2026.csv", "pilot.CSV", "folder/pilot.csv", "list.xlsx"]
)
def test_a_file_that_can_be_no_batch_is_deleted_and_told(run: Rehearsal, file_name: str) -> None:
    """A misnamed file waits for ever while its passwords lie in the storage."""
    alerts = _alerts(run)
    _put(run, file_name, csv_of(run.people[:1]))
    run.wait_until_taken_in()
    run.wait(lambda: _alerts(run) > alerts, "an alert")


def test_a_name_that_is_no_batch_name_is_answered_with_the_rule(run: Rehearsal) -> None:
    """Who misnamed a file asks for it by that name next."""
    answer = run.call("GET", "/batches/Rentr%C3%A9e")

    assert answer.status == 400
    assert "small letters, digits and hyphens" in answer.body["mistakes"][0]


def _cells(person: Person, *, name: str = "", local: str = "") -> list[str]:
    if local:
        return [f"{local}@example.org", local, person.password, person.display_name, ""]
    shown = name or person.display_name
    return [person.address, person.user_name, person.password, shown, ""]


def _row(run: Rehearsal, batch: str, person: Person) -> dict[str, object]:
    key = mailbox_key(person.address)
    rows = [r for r in run.table("mailboxes") if r["batch"] == batch and r["key"] == key]
    return dict(rows[0])


def _stories(run: Rehearsal, batch: str) -> int:
    names = [str(story["instanceId"]) for story in run.stories()]
    return sum(name == f"batch-{batch}" or name.startswith(f"{batch}.") for name in names)


def _tenant(run: Rehearsal) -> tuple[list[str], list[str]]:
    """The accounts with their licences, and who is in the coexistence group."""
    tenant = run.rig.world.tenant
    users = [f"{user.upn} {user.licences}" for user in tenant.directory.users()]
    groups = [
        f"{group.primary_address} {member.primary_address}"
        for group in tenant.groups.seen()
        for member in tenant.groups.members(group.guid)
    ]
    return sorted(users), sorted(groups)


def _alerts(run: Rehearsal) -> int:
    return run.rig.app.log_path.read_text(encoding="utf-8").count("An upload was refused")


def _put(run: Rehearsal, file_name: str, content: bytes) -> None:
    with (
        BlobServiceClient.from_connection_string(run.rig.storage) as service,
        service.get_blob_client("batches", file_name) as blob,
    ):
        blob.upload_blob(content, overwrite=True)


def _touch(run: Rehearsal, batch: str) -> None:
    with (
        BlobServiceClient.from_connection_string(run.rig.storage) as service,
        service.get_blob_client("batches", f"{batch}.csv") as blob,
    ):
        blob.set_blob_metadata({"delivered": "twice"})
