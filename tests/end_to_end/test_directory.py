"""The directory's files through the whole app: over HTTP, on a durable host, to the tenant's own protocols. About 40 s."""

import base64

import pytest

from tests.directory.samples import (
    ALL,
    EVE,
    INFO,
    contacts,
    delegations,
    groups,
    mailboxes,
    members,
)
from tests.end_to_end.conftest import Opener

pytestmark = pytest.mark.slow


def encoded(**files: bytes) -> dict[str, dict[str, str]]:
    """Files as the API takes them."""
    return {"files": {f"{name}.csv": base64.b64encode(raw).decode() for name, raw in files.items()}}


def test_files_become_groups_and_whoever_is_on_the_way_follows(opened: Opener) -> None:
    """Everything that only the real adapters, the real host and the real storage can get wrong."""
    run = opened(count=1)
    anna = run.people[0].address
    run.upload("pilot")
    run.wait_for_stage("pilot", "SYNCED", "SET_ASIDE")
    wanted = encoded(
        groups=groups(f"{ALL};Tout le monde;{anna} {INFO};"),
        group_members=members(f"{ALL},{anna}", f"{ALL},{EVE}"),
        shared_mailboxes=mailboxes(f"{INFO},Accueil"),
        delegations=delegations(f"{INFO},{anna},FullAccess", f"{INFO},{anna},SendOnBehalf"),
        contacts=contacts(f"{EVE},Eve"),
    )

    assert run.call("POST", "/directory", wanted, check="true").body["state"] == "correct"
    assert run.call("GET", "/directory").status == 404
    assert run.call("POST", "/directory", wanted).status == 200
    assert len(run.call("GET", "/directory/differences").body["changes"]) == 3
    assert run.call("POST", "/directory/apply").status == 202
    run.wait(lambda: run.call("GET", "/directory").body["state"] == "settled", "settled")
    shown = run.call("GET", "/directory").body
    again = run.call("GET", "/directory/differences").body

    assert shown["report"]["agrees"], shown
    assert (again["changes"], again["removals"], again["waiting"]) == ([], [], [])
    tenant = run.rig.world.tenant
    assert {each.primary_address for each in tenant.groups.members(ALL)} == {anna, EVE}
    assert [each.right for each in tenant.recipients.permissions] == ["FullAccess"]
    journal = [row for row in run.table("journal") if row["PartitionKey"] == "directory.objects"]
    assert len(journal) >= 6
