"""The HTTP API: upload, look, and ask for cutover, rollback, retry, abandon, survey and sync. Reference: docs/reference/http-api.md."""

import asyncio
import itertools
import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import azure.durable_functions as df
import azure.functions as func

from activities.completion_gate import is_closed_to_uploads
from activities.deltas import ask_for_delta
from activities.wake_stories import wake_batch
from bascule.composition import ports
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import encode
from bascule.domain.records import BatchRecord, JournalEntry, Wish
from bascule.domain.requests import WishProgress
from bascule.domain.stages import Stage
from triggers.answers import NUMBER, BadRequest, answer, answering
from triggers.batch_marks import batch_marks
from triggers.batch_names import checked_batch_name
from triggers.openapi import DOCUMENT
from triggers.roles import Role, asker, refusal, requires
from triggers.upload_roles import role_of_upload
from triggers.views import batch_view, mailbox_view, refused_view, state_of
from triggers.wishes_asked import wish_asked

api = df.Blueprint()

UPLOAD_SIZE_MAX_BYTES = 10 * 1024 * 1024
PAGE_COUNT_DEFAULT = 200
PAGE_COUNT_MAX = 1_000
REQUEST_ID = re.compile(
    r"(cutover|rollback|retry|abandon|survey|reset|licences)-[a-z0-9-]{1,40}-[0-9a-f]{12}"
)


@api.route(route="batches", methods=["POST"])
@answering
@requires(Role.OPERATOR)
async def upload_batch(req: func.HttpRequest) -> func.HttpResponse:
    """Put a batch CSV where uploads are expected; the upload's own trigger takes it from there."""
    name = checked_batch_name(req.params.get("name", ""))
    content = req.get_body()
    if not content or len(content) > UPLOAD_SIZE_MAX_BYTES:
        raise BadRequest(f"the body must be a CSV of at most {UPLOAD_SIZE_MAX_BYTES} bytes")
    if refused := refusal(req, role_of_upload(content)):
        return refused
    await asyncio.to_thread(_upload, name, content, asker(req))
    return answer({"batch": name, "status": f"/api/batches/{name}"}, 202)


@api.route(route="batches", methods=["GET"])
@answering
@requires(Role.READER)
async def list_batches(req: func.HttpRequest) -> func.HttpResponse:
    """Every batch with its state, those too whose first file was refused."""
    del req
    return answer({"batches": await asyncio.to_thread(_lines)})


@api.route(route="batches/{batch}", methods=["GET"])
@answering
@requires(Role.READER)
async def show_batch(req: func.HttpRequest) -> func.HttpResponse:
    """One batch with its counts, its set-aside mailboxes, and what became of its last upload."""
    name = checked_batch_name(req.route_params["batch"])
    return answer(await asyncio.to_thread(_batch_or_refusal, name))


@api.route(route="batches/{batch}/mailboxes", methods=["GET"])
@answering
@requires(Role.READER)
async def list_mailboxes(req: func.HttpRequest) -> func.HttpResponse:
    """Mailboxes of a batch: `stage` filters, `top` bounds, `after` continues behind a key."""
    name = checked_batch_name(req.route_params["batch"])
    mistakes: list[str] = []
    count_max = _count(req.params.get("top"), mistakes)
    stage, after = _stage(req.params.get("stage"), mistakes), req.params.get("after", "")
    if mistakes:
        raise BadRequest(*mistakes)
    return answer(await asyncio.to_thread(_mailbox_page, name, stage, after, count_max))


@api.route(route="batches/{batch}/mailboxes/{address}", methods=["GET"])
@answering
@requires(Role.READER)
async def show_mailbox(req: func.HttpRequest) -> func.HttpResponse:
    """One mailbox."""
    name = checked_batch_name(req.route_params["batch"])
    key = mailbox_key(req.route_params["address"])
    record = await asyncio.to_thread(lambda: ports().ledger.find_mailbox(name, key))
    if record is None:
        raise BadRequest("the mailbox is not in this batch", status=404)
    return answer(mailbox_view(record))


@api.route(route="batches/{batch}/cutover", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def ask_cutover(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Cut mailboxes over, at once or at an instant."""
    return await _ask(req, client, Wish.CUTOVER)


@api.route(route="batches/{batch}/rollback", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def ask_rollback(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Bring mailboxes back to the source, with the mail they got meanwhile; before the cutover, take back what was asked."""
    return await _ask(req, client, Wish.ROLLBACK)


@api.route(route="batches/{batch}/retry", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.OPERATOR)
async def ask_retry(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Let mailboxes that were set aside go on from where they were."""
    return await _ask(req, client, Wish.RETRY)


@api.route(route="batches/{batch}/abandon", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.OPERATOR)
async def ask_abandon(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Leave mailboxes at the source for good."""
    return await _ask(req, client, Wish.ABANDON)


@api.route(route="batches/{batch}/survey", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.OPERATOR)
async def ask_survey(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Survey the sources of mailboxes again, so that an offence that was mended holds nothing up."""
    return await _ask(req, client, Wish.SURVEY)


@api.route(route="batches/{batch}/sync", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.OPERATOR)
async def ask_sync(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Ask for a delta of every synced mailbox of the batch, now."""
    name = checked_batch_name(req.route_params["batch"])
    asked = await asyncio.to_thread(_ask_deltas, name)
    await wake_batch(client, name)
    return answer({"batch": name, "sync_batches": asked}, 202)


@api.route(route="batches/{batch}/difference", methods=["POST"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def accept_difference(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Apply a changed upload, named by the fingerprint that its difference shows: `?fingerprint=...`."""
    name = checked_batch_name(req.route_params["batch"])
    await asyncio.to_thread(_accept, name, req.params.get("fingerprint", ""), asker(req))
    await wake_batch(client, name)
    return answer({"batch": name, "state": "accepted"}, 202)


@api.route(route="requests/{request_id}", methods=["GET"])
@api.durable_client_input(client_name="client")
@answering
@requires(Role.READER)
async def show_request(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """What became of a request: how many mailboxes take it, and who does not and why."""
    request_id = req.route_params["request_id"]
    if not REQUEST_ID.fullmatch(request_id):
        raise BadRequest("there is no such request", status=404)
    status = await client.get_status(request_id)
    if not status or status.runtime_status is None:
        raise BadRequest("there is no such request", status=404)
    state = str(getattr(status.runtime_status, "value", status.runtime_status))
    return answer({"request": request_id, "state": state, "result": status.output})


@api.route(route="openapi.json", methods=["GET"])
@answering
@requires(Role.READER)
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """This API, as an OpenAPI document."""
    del req
    return answer(DOCUMENT)


async def _ask(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, wish: Wish
) -> func.HttpResponse:
    name = checked_batch_name(req.route_params["batch"])
    asked = wish_asked(req, name, wish)
    await asyncio.to_thread(_existing, name)
    request_id = f"{wish.value}-{name}-{uuid4().hex[:12]}"
    await client.start_new(wish.value, request_id, encode(WishProgress(asked)))
    return answer({"request": request_id, "status": f"/api/requests/{request_id}"}, 202)


def _existing(name: str) -> BatchRecord:
    batch = ports().ledger.find_batch(name)
    if batch is None:
        raise BadRequest(f"there is no batch {name}", status=404)
    return batch


def _batch_or_refusal(name: str) -> dict[str, Any]:
    batch = ports().ledger.find_batch(name)
    view = refused_view(ports(), name) if batch is None else batch_view(ports(), batch)
    if view is None:
        raise BadRequest(f"there is no batch {name}", status=404)
    return view


def _lines() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [
        {"batch": batch.name, "state": state_of(batch), "rows": batch.row_count}
        for batch in ports().ledger.batches()
    ]
    others = batch_marks(ports()).beside([line["batch"] for line in lines])
    return lines + [{"batch": name, "state": state, "rows": 0} for name, state in others.items()]


def _mailbox_page(name: str, stage: Stage | None, after: str, count_max: int) -> dict[str, Any]:
    _existing(name)
    records = (
        record
        for record in ports().ledger.mailboxes(name, after)
        if stage is None or record.stage is stage
    )
    page = list(itertools.islice(records, count_max))
    following = page[-1].key if len(page) == count_max else ""
    return {"mailboxes": [mailbox_view(record) for record in page], "after": following}


def _count(text: str | None, mistakes: list[str]) -> int:
    if text is None:
        return PAGE_COUNT_DEFAULT
    if not NUMBER.fullmatch(text) or not 1 <= int(text) <= PAGE_COUNT_MAX:
        mistakes.append(f"top: give a number from 1 to {PAGE_COUNT_MAX}")
        return PAGE_COUNT_DEFAULT
    return int(text)


def _stage(text: str | None, mistakes: list[str]) -> Stage | None:
    if text is None:
        return None
    if text not in set(Stage):
        mistakes.append(f"stage: {text!r} is none of {', '.join(Stage)}")
        return None
    return Stage(text)


def _ask_deltas(name: str) -> list[str]:
    _existing(name)
    names = sorted({record.sync_batch for record in ports().ledger.mailboxes(name)} - {""})
    for sync_batch in names:
        ask_for_delta(ports(), sync_batch)
    return names


def _upload(name: str, content: bytes, by: str) -> None:
    ports().blobs.upload(name, content)
    _note(name, "upload", "", f"{len(content)} bytes", by)


def _note(name: str, effect: str, before: str, after: str, by: str) -> None:
    now_utc = ports().clock.now_utc()
    ports().journal.note(JournalEntry(now_utc, name, "", effect, before, after, by))


def _accept(name: str, fingerprint: str, by: str) -> None:
    batch = _existing(name)
    if batch.closed_utc is not None:
        raise BadRequest(
            "the batch is closed: upload what was added under another name", status=409
        )
    if not fingerprint or fingerprint != batch.pending_fingerprint:
        raise BadRequest("no pending upload of this batch has this fingerprint", status=409)
    ports().ledger.amend_batch(
        name, lambda stored: replace(stored, accepted_fingerprint=fingerprint, accepted_by=by)
    )
    # After the write: the completion closes first and then looks, so one of us sees the other.
    if is_closed_to_uploads(ports()):
        ports().ledger.amend_batch(name, lambda stored: replace(stored, accepted_fingerprint=""))
        raise BadRequest("the tenant is being completed: nothing new begins", status=409)
    _note(name, "difference accepted", batch.fingerprint, fingerprint, by)
