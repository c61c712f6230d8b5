"""Groups, shared mailboxes, rights and contacts over HTTP: upload, compare, apply. Reference: docs/reference/http-api.md.

The story is one, and level-triggered: whoever asks writes the wish down and rings; a lost ring is made good every hour.
"""

import asyncio
import re
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from activities.directory_look import difference_of, surroundings
from activities.directory_store import DIGEST_LENGTH, difference_view, find_head, wanted_of
from activities.directory_wishes import ask_for_application, keep_upload
from activities.read_directory import read_directory
from activities.wake_stories import ALIVE
from bascule.composition import ports
from bascule.domain.codec import encode
from bascule.domain.directory_objects.reading import DirectoryFilesInvalid, read_directory_files
from bascule.domain.directory_objects.records import (
    DIRECTORY,
    DirectoryHead,
    DirectoryRef,
    Phase,
)
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.domain.records import DOORBELL
from triggers.answers import BadRequest, answer, answering
from triggers.directory_files import files_in
from triggers.directory_view import head_view
from triggers.roles import Role, asker, refusal, requires

directory = df.Blueprint()

STORY = "directory_objects"
# More is for a person no longer to read; `bascule directory check` names them all.
MISTAKES_SHOWN_MAX = 1_000
DIGEST = re.compile(f"[0-9a-f]{{{DIGEST_LENGTH}}}")


@directory.route(route="directory", methods=["POST"])
@answering
@requires(Role.OPERATOR)
async def upload_directory(req: func.HttpRequest) -> func.HttpResponse:
    """Check the five files together and keep them; with `check=true` only check.

    To keep them takes an approver: an application that waits for mailboxes goes on with them.
    """
    is_check = _claim(req.params.get("check"))
    refused = None if is_check else refusal(req, Role.APPROVER)
    if refused:
        return refused
    files = files_in(req)
    return answer(await asyncio.to_thread(_upload, files, asker(req), is_check))


@directory.route(route="directory", methods=["GET"])
@answering
@requires(Role.READER)
async def show_directory(req: func.HttpRequest) -> func.HttpResponse:
    """Which files are in force, and what became of their last application."""
    del req
    return answer(await asyncio.to_thread(lambda: head_view(ports(), _head())))


@directory.route(route="directory/differences", methods=["GET"])
@answering
@requires(Role.READER)
async def show_differences(req: func.HttpRequest) -> func.HttpResponse:
    """What separates the tenant from the files now; nothing is changed."""
    del req
    return answer(await asyncio.to_thread(_differences))


@directory.route(route="directory/apply", methods=["POST"])
@directory.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def apply_differences(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Create, correct and add; `removals` is the digest of the removals that were seen and are agreed to.

    What is added may be whoever asks, to a group that opens doors or to a mailbox that others share.
    """
    agreed = _digest(req.params.get("removals", ""))
    await asyncio.to_thread(_head)
    await asyncio.to_thread(ask_for_application, ports(), asker(req), agreed)
    if await _is_alive(client):
        await client.raise_event(DIRECTORY, DOORBELL)
    else:
        await client.start_new(STORY, DIRECTORY, encode(DirectoryRef()))
    return answer({"state": "asked", "status": "/api/directory"}, 202)


@directory.timer_trigger(arg_name="timer", schedule="0 5 * * * *", run_on_startup=False)
@directory.durable_client_input(client_name="client")
async def watch_directory(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Every hour: a story that has something to do and does not run is started again."""
    del timer
    standing = await asyncio.to_thread(lambda: read_directory(ports(), DirectoryRef()))
    if standing.phase is not Phase.IDLE and not await _is_alive(client):
        await client.start_new(STORY, DIRECTORY, encode(DirectoryRef()))


async def _is_alive(client: df.DurableOrchestrationClient) -> bool:
    status = await client.get_status(DIRECTORY)
    state = getattr(status, "runtime_status", None)
    return str(getattr(state, "value", state) or "") in ALIVE


def _upload(files: dict[str, bytes], asked_by: str, is_check: bool) -> dict[str, Any]:
    try:
        wanted = read_directory_files(files, surroundings(ports()))
    except DirectoryFilesInvalid as invalid:
        shown = [str(mistake) for mistake in invalid.mistakes[:MISTAKES_SHOWN_MAX]]
        raise BadRequest(*shown) from invalid
    if is_check:
        return {"state": "correct", **_counts(wanted)}
    fingerprint = keep_upload(ports(), wanted, asked_by)
    return {"state": "kept", "fingerprint": fingerprint, **_counts(wanted)}


def _counts(wanted: WantedDirectory) -> dict[str, int]:
    return {
        "groups": len(wanted.groups),
        "members": sum(len(group.members) for group in wanted.groups),
        "shared_mailboxes": len(wanted.mailboxes),
        "delegations": len(wanted.delegations),
        "contacts": len(wanted.contacts),
    }


def _differences() -> dict[str, Any]:
    head = _head()
    difference = difference_of(ports(), wanted_of(ports(), head.fingerprint))
    return {"fingerprint": head.fingerprint, **difference_view(difference)}


def _head() -> DirectoryHead:
    head = find_head(ports())
    if head is None:
        raise BadRequest("no directory files were uploaded", status=404)
    return head


def _claim(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise BadRequest("check: write true or false")
    return text == "true"


def _digest(text: str) -> str:
    if text and not DIGEST.fullmatch(text):
        raise BadRequest("removals: give the `removals_digest` that the differences show")
    return text
