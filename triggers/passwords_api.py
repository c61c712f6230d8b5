"""Passwords over HTTP: import, export, reset, an administrator's first one. Reference: docs/reference/http-api.md.

The only answers of this app that hold passwords are those of export and administrator. Nothing on the way keeps them.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import azure.durable_functions as df
import azure.functions as func

from activities.administrator_password import set_administrator_password
from activities.export_passwords import ExportPage, count_exported, export_passwords
from activities.hand_out import expire
from activities.import_passwords import import_passwords
from bascule.composition import ports
from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.codec import encode
from bascule.domain.hand_out_file import columns_of
from bascule.domain.password_requests import ResetRequest, report_path
from orchestrators.passwords import begun
from triggers.answers import NUMBER, BadRequest, answer, answering
from triggers.passwords_asked import (
    address_asked,
    export_asked,
    notice_asked,
    reset_asked,
    written_asked,
)
from triggers.roles import Role, asker, requires

logger = logging.getLogger("bascule.passwords")

passwords = df.Blueprint()

STORY = "reset"
RESET_ID = re.compile(r"reset-passwords-[0-9a-f]{12}")
# Some thousand lines of a report in one answer.
REPORT_PAGE_COUNT_MAX = 20
MISTAKES_SHOWN_MAX = 200


@passwords.route(route="passwords/export", methods=["POST"])
@answering
@requires(Role.APPROVER)
async def export_new_passwords(req: func.HttpRequest) -> func.HttpResponse:
    """The new passwords of a selection, in clear, a page at a time; the journal says who took them."""
    asked = await asyncio.to_thread(export_asked, req)
    page = await asyncio.to_thread(lambda: export_passwords(ports(), asked))
    return answer(_page_view(page))


@passwords.route(route="passwords/exported", methods=["POST"])
@answering
@requires(Role.APPROVER)
async def count_written_passwords(req: func.HttpRequest) -> func.HttpResponse:
    """Count passwords as exported: whoever took them has written them down."""
    written = await asyncio.to_thread(written_asked, req)
    count = await asyncio.to_thread(lambda: count_exported(ports(), written))
    return answer({"counted": count})


@passwords.route(route="passwords/import", methods=["POST"])
@answering
@requires(Role.APPROVER)
async def import_new_passwords(req: func.HttpRequest) -> func.HttpResponse:
    """Take in a list of passwords: `map` names its columns, `dry_run=true` only reads it."""
    content = req.get_body()
    if not content or len(content) > FILE_SIZE_MAX_BYTES:
        raise BadRequest(f"the body must be a CSV of at most {FILE_SIZE_MAX_BYTES} bytes")
    is_dry_run = req.params.get("dry_run", "false") == "true"
    return answer(await asyncio.to_thread(_imported, req, content, is_dry_run))


@passwords.route(route="passwords/reset", methods=["POST"])
@passwords.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def ask_reset(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Change the passwords of a selection, or say exactly what would change."""
    return await _begin(req, client, reset_asked)


@passwords.route(route="passwords/tell", methods=["POST"])
@passwords.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def ask_notice(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Send the plan's notice about passwords to a selection, once each, and change nothing."""
    return await _begin(req, client, notice_asked)


@passwords.route(route="passwords/resets/{request_id}", methods=["GET"])
@answering
@requires(Role.READER)
async def show_reset(req: func.HttpRequest) -> func.HttpResponse:
    """Every account of a reset: changed, would change, or refused and why. `after` continues."""
    request_id, after = req.route_params["request_id"], req.params.get("after", "0")
    if not RESET_ID.fullmatch(request_id):
        raise BadRequest("there is no such request", status=404)
    if not NUMBER.fullmatch(after):
        raise BadRequest("after: give what the last page answered")
    return answer(await asyncio.to_thread(_report, request_id, int(after)))


@passwords.route(route="passwords/administrator", methods=["POST"])
@answering
@requires(Role.APPROVER)
async def set_temporary_password(req: func.HttpRequest) -> func.HttpResponse:
    """Give one account a temporary password, shown in this answer and never again."""
    address = address_asked(req)
    password = await asyncio.to_thread(
        lambda: set_administrator_password(ports(), address, asker(req))
    )
    return answer({"address": address, "password": password, "must_change": True})


@passwords.timer_trigger(arg_name="timer", schedule="0 20 * * * *", run_on_startup=False)
async def destroy_old_passwords(timer: func.TimerRequest) -> None:
    """Every hour: destroy the passwords whose time for hand-out is over."""
    del timer
    day_count = await asyncio.to_thread(lambda: expire(ports()))
    if day_count:
        logger.info("passwords of %d days were destroyed: their time was over", day_count)


async def _begin(
    req: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    read: Callable[[func.HttpRequest, str], ResetRequest],
) -> func.HttpResponse:
    request_id = f"reset-passwords-{uuid4().hex[:12]}"
    asked = await asyncio.to_thread(read, req, request_id)
    await client.start_new(STORY, request_id, encode(begun(asked)))
    return answer({"request": request_id, "status": f"/api/requests/{request_id}"}, 202)


def _imported(req: func.HttpRequest, content: bytes, is_dry_run: bool) -> dict[str, Any]:
    request_id = f"import-{uuid4().hex[:12]}"
    try:
        columns = columns_of(req.params.get("map", ""))
        file = import_passwords(
            ports(),
            content,
            columns,
            request=request_id,
            asked_by=asker(req),
            is_dry_run=is_dry_run,
        )
    except BatchFileInvalid as invalid:
        raise BadRequest(*map(str, invalid.mistakes[:MISTAKES_SHOWN_MAX])) from None
    except ValueError as wrong:
        raise BadRequest(f"map: {wrong}") from None
    return {
        "import": request_id,
        "passwords": len(file.rows),
        "dry_run": is_dry_run,
        "warnings": [str(warning) for warning in file.warnings],
    }


def _page_view(page: ExportPage) -> dict[str, Any]:
    return {
        "rows": [
            {
                "address": row.person.address,
                "display_name": row.person.display_name,
                "cohort": row.person.cohort,
                "unit": row.person.unit,
                "batch": row.person.batch,
                "password": row.password,
                "set_utc": encode(row.set_utc),
            }
            for row in page.rows
        ],
        "after": page.following,
        "uncertain": page.uncertain_count,
        "form": encode(ports().plan.hand_out),
    }


def _report(request_id: str, first: int) -> dict[str, Any]:
    lines: list[Any] = []
    for number in range(first, first + REPORT_PAGE_COUNT_MAX):
        content = ports().blobs.read_report(report_path(request_id, number))
        if content is None:
            return {"request": request_id, "accounts": lines, "after": ""}
        lines += json.loads(content)
    following = first + REPORT_PAGE_COUNT_MAX
    return {"request": request_id, "accounts": lines, "after": str(following)}
