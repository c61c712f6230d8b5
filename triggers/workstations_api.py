"""Workstations over HTTP: which user has which step open, and marks by hand or from a CSV. Reference: docs/reference/http-api.md."""

import asyncio
import itertools
import logging
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from activities.desk_chunks import desks_of
from activities.desks import has_moved, remind, steps_of, tick
from bascule.composition import ports
from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.codec import encode
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.workstation_file import TICK_COUNT_MAX, example, read_ticks
from bascule.domain.workstations import Desk, Tick
from triggers.answers import BadRequest, answer, answering
from triggers.batch_names import checked_batch_name
from triggers.roles import Role, asker, requires
from triggers.wishes_asked import json_object

logger = logging.getLogger("bascule.workstations")

workstations = df.Blueprint()

PAGE_COUNT = 500
FIELDS = {"step", "mailboxes", "done"}


@workstations.route(route="workstations", methods=["GET"])
@answering
@requires(Role.READER)
async def list_workstations(req: func.HttpRequest) -> func.HttpResponse:
    """Migrated users of a batch with their steps and what is left to do; `open` filters, `after` continues."""
    name, step = checked_batch_name(req.params.get("batch", "")), req.params.get("open", "")
    after = req.params.get("after", "")
    return answer(await asyncio.to_thread(_page, name, step, after))


@workstations.route(route="workstations", methods=["POST"])
@answering
@requires(Role.OPERATOR)
async def tick_workstations(req: func.HttpRequest) -> func.HttpResponse:
    """Mark a step as done for users of a batch, or as not done: by JSON, or by a CSV."""
    name, by = checked_batch_name(req.params.get("batch", "")), asker(req)
    return answer(await asyncio.to_thread(lambda: _tick(name, req, by)))


@workstations.timer_trigger(arg_name="timer", schedule="0 40 * * * *", run_on_startup=False)
async def remind_of_workstations(timer: func.TimerRequest) -> None:
    """Once an hour: remind some of those whose steps are open for too long."""
    del timer
    told = await asyncio.to_thread(lambda: remind(ports()))
    if told:
        logger.info("%d users were reminded of their workstations", told)


def _tick(name: str, req: func.HttpRequest, by: str) -> dict[str, Any]:
    batch, steps = _batch(name), steps_of(ports())
    if not steps:
        raise BadRequest("the plan has no [workstations.steps.NAME]", status=409)
    # A CSV begins with the name of a column, whatever its sender calls it.
    is_json = req.get_body().lstrip().startswith(b"{")
    ticks = _from_json(req, steps) if is_json else _from_csv(req.get_body(), steps)
    return {"batch": name, "mailboxes": tick(ports(), batch, ticks, by)}


def _from_csv(content: bytes, steps: tuple[str, ...]) -> tuple[Tick, ...]:
    try:
        return read_ticks(content, steps)
    except BatchFileInvalid as invalid:
        shown = [str(mistake) for mistake in invalid.mistakes]
        raise BadRequest(*shown, f"such a file looks like:\n{example(steps)}") from invalid


def _from_json(req: func.HttpRequest, steps: tuple[str, ...]) -> tuple[Tick, ...]:
    body = json_object(req)
    step, asked, done = body.get("step"), body.get("mailboxes"), body.get("done", True)
    mistakes = [f"{name}: there is no such field" for name in sorted(set(body) - FIELDS)]
    if step not in steps:
        mistakes.append(f"step: {step!r} is none of {', '.join(steps)}")
    if not isinstance(done, bool):
        mistakes.append("done: write true or false")
    if not isinstance(asked, list) or not asked or len(asked) > TICK_COUNT_MAX:
        mistakes.append(f"mailboxes: give 1 to {TICK_COUNT_MAX} addresses")
        asked = []
    wrong = [each for each in asked if not isinstance(each, str) or _problem(each)]
    mistakes += [f"mailboxes: {each!r} is no address" for each in wrong]
    if mistakes:
        raise BadRequest(*mistakes)
    return tuple(Tick(normal_address(each), str(step), bool(done)) for each in asked)


def _problem(address: str) -> str | None:
    return address_problem(normal_address(address))


def _batch(name: str) -> BatchRecord:
    batch = ports().ledger.find_batch(name)
    if batch is None:
        raise BadRequest(f"there is no batch {name}", status=404)
    return batch


def _page(name: str, step: str, after: str) -> dict[str, Any]:
    _batch(name)
    steps = steps_of(ports())
    if step and step not in steps:
        raise BadRequest(f"open: {step!r} is none of {', '.join(steps)}")
    desks = desks_of(ports(), name)
    rows = (
        record
        for record in ports().ledger.mailboxes(name, after)
        if has_moved(record)
        and (not step or step in desks.get(record.key, Desk()).open_steps(steps))
    )
    page = list(itertools.islice(rows, PAGE_COUNT))
    return {
        "steps": {each: ports().plan.workstations.steps[each].text for each in steps},
        "mailboxes": [_view(record, desks.get(record.key, Desk()), steps) for record in page],
        "after": page[-1].key if len(page) == PAGE_COUNT else "",
    }


def _view(record: MailboxRecord, desk: Desk, steps: tuple[str, ...]) -> dict[str, Any]:
    return {
        "address": record.address,
        "done": {mark.step: {"by": mark.by, "at_utc": encode(mark.at_utc)} for mark in desk.marks},
        "open": list(desk.open_steps(steps)),
        "reminders": desk.reminder_count,
    }
