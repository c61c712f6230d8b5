"""Licences over HTTP: what would change, change it, how far the seats go. Reference: docs/reference/http-api.md."""

import asyncio
import logging
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import azure.durable_functions as df
import azure.functions as func

from activities.close_licence_run import runs_document
from activities.find_licence_changes import preview_licences
from activities.free_seats import forecasts
from activities.licensing import are_services_due
from activities.wake_stories import revive_story
from bascule.composition import ports
from bascule.domain.codec import encode
from bascule.domain.licence_requests import CohortRuns, LicenceProgress, LicenceRun
from bascule.domain.plan import CohortPlan
from bascule.domain.seats import SeatForecast
from bascule.ports.bundle import Ports
from triggers.answers import BadRequest, answer, answering
from triggers.batch_names import checked_batch_name
from triggers.roles import Role, asker, requires
from triggers.wishes_asked import json_object

logger = logging.getLogger("bascule.licences")

licences = df.Blueprint()

STORY = "licensing"
TIMER = "timer"
APPLY_FIELDS = {"batch", "cohort", "dry_run"}
# What an instance id may hold of a cohort's name, see the plan's reference.
# A run that was stopped has been told of; whoever it needs has to be awake first.
STOPPED_PAUSE_H = 6
_NAME_UNSAFE = re.compile(r"[^a-z0-9-]+")
NAME_LENGTH_MAX = 40


@licences.route(route="licences/plan", methods=["GET"])
@answering
@requires(Role.READER)
async def show_licence_changes(req: func.HttpRequest) -> func.HttpResponse:
    """Exactly what would change for a batch or a cohort, account by account; nothing is written."""
    run = _run(req.params.get("batch", ""), req.params.get("cohort", ""), asker(req))
    preview = await asyncio.to_thread(lambda: preview_licences(ports(), run))
    lines = [
        {
            "address": line.address,
            "cohort": line.cohort,
            "change": line.change,
            "code": line.code,
            "detail": line.detail,
            "left_over": line.is_left_over,
        }
        for line in preview.lines
    ]
    return answer(
        {
            "accounts": lines,
            "unchanged": preview.unchanged_count,
            "left_over": preview.left_over_count,
            "unknown_services": list(preview.unknown_services),
        }
    )


@licences.route(route="licences/apply", methods=["POST"])
@licences.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def apply_licences(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Make those changes, or with `dry_run` only count them."""
    body = json_object(req)
    mistakes = [f"{name}: not known" for name in sorted(set(body) - APPLY_FIELDS)]
    named = {name: body.get(name, "") for name in ("batch", "cohort")}
    mistakes += [f"{name}: give a name" for name in named if not isinstance(named[name], str)]
    if body.get("dry_run", False) not in (True, False):
        mistakes.append("dry_run: give true or false")
    if mistakes:
        raise BadRequest(*mistakes)
    is_dry_run = bool(body.get("dry_run", False))
    run = _run(named["batch"], named["cohort"], asker(req), is_dry_run=is_dry_run)
    return await _started(client, run)


@licences.route(route="cohorts/{cohort}/apply", methods=["POST"])
@licences.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def apply_cohort(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Give accounts that have appeared in a cohort what it says, at most as many as the plan allows in one run, and its mailboxes."""
    is_dry_run = req.params.get("dry_run", "false") == "true"
    run = _run("", req.route_params["cohort"], asker(req), is_dry_run=is_dry_run)
    return await _started(client, run)


@licences.route(route="licences/report", methods=["GET"])
@answering
@requires(Role.READER)
async def show_seats(req: func.HttpRequest) -> func.HttpResponse:
    """Of every licence: seats by their state, what batches will still take, and what is left after the last."""
    del req
    found = await asyncio.to_thread(lambda: forecasts(ports()))
    return answer({"licences": [_seats(each) for each in found]})


@licences.timer_trigger(arg_name="timer", schedule="0 5/10 * * * *", run_on_startup=False)
@licences.durable_client_input(client_name="client")
async def keep_cohorts(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Every ten minutes: services whose date has come, and newcomers whose time it is to be looked for."""
    del timer
    for run in await asyncio.to_thread(due_runs, ports()):
        # One that still runs is left alone: under the same name there is never a second.
        await revive_story(client, STORY, run.request, encode(LicenceProgress(run)))
        logger.info("cohort %s: licences are looked at", run.cohort)


def due_runs(ports: Ports) -> tuple[LicenceRun, ...]:
    """The runs over cohorts that nobody has to ask for."""
    now_utc = ports.clock.now_utc()
    runs: list[LicenceRun] = []
    for name, cohort in sorted(ports.plan.cohorts.items()):
        known = ports.documents.find(runs_document(name), CohortRuns) or CohortRuns()
        if _is_paused(known, now_utc):
            continue
        has_newcomers = _are_newcomers_due(ports, cohort, known, now_utc)
        if has_newcomers or _are_services_to_come(cohort, known, now_utc):
            count_max = ports.plan.future_users.count_max
            runs.append(
                LicenceRun(f"{_plain(name)}-{TIMER}", TIMER, "", name, has_newcomers, count_max)
            )
    return tuple(runs)


def _is_paused(known: CohortRuns, now_utc: datetime) -> bool:
    stopped_utc = known.stopped_utc
    return stopped_utc is not None and now_utc - stopped_utc < timedelta(hours=STOPPED_PAUSE_H)


def _are_newcomers_due(
    ports: Ports, cohort: CohortPlan, known: CohortRuns, now_utc: datetime
) -> bool:
    interval_h = ports.plan.future_users.interval_h
    if not interval_h or not cohort.addresses:
        return False
    last_utc = known.newcomers_utc
    return last_utc is None or now_utc - last_utc >= timedelta(hours=interval_h)


def _are_services_to_come(cohort: CohortPlan, known: CohortRuns, now_utc: datetime) -> bool:
    dated = cohort.services_after_at_utc
    return bool(dated) and known.services_on_for != dated and are_services_due(cohort, now_utc)


def _run(batch: str, cohort: str, asked_by: str, *, is_dry_run: bool = False) -> LicenceRun:
    if bool(batch) is bool(cohort):
        raise BadRequest("name a batch or a cohort, one of the two")
    plan = ports().plan
    if batch:
        name = checked_batch_name(batch)
        if ports().ledger.find_batch(name) is None:
            raise BadRequest(f"there is no batch {name}", status=404)
        return LicenceRun(_request_id(name), asked_by, name, is_dry_run=is_dry_run)
    if cohort not in plan.cohorts:
        raise BadRequest(f"there is no cohort {cohort!r} in the plan", status=404)
    return LicenceRun(
        _request_id(cohort),
        asked_by,
        cohort=cohort,
        count_max=plan.future_users.count_max,
        is_dry_run=is_dry_run,
    )


def _request_id(name: str) -> str:
    return f"{_plain(name)}-{uuid4().hex[:12]}"


def _plain(name: str) -> str:
    return f"licences-{_NAME_UNSAFE.sub('-', name.lower())[:NAME_LENGTH_MAX]}"


async def _started(client: df.DurableOrchestrationClient, run: LicenceRun) -> func.HttpResponse:
    await client.start_new(STORY, run.request, encode(LicenceProgress(run)))
    return answer({"request": run.request, "status": f"/api/requests/{run.request}"}, 202)


def _seats(found: SeatForecast) -> dict[str, Any]:
    return {
        "licence": found.part_number,
        "state": found.state,
        "enabled": found.enabled_count,
        "warning": found.warning_count,
        "suspended": found.suspended_count,
        "locked_out": found.locked_out_count,
        "consumed": found.consumed_count,
        "reserved": found.reserved_count,
        "left": found.left_count,
        "batches": [
            {"batch": need.batch, "needs": need.needed_count, "left": need.left_count}
            for need in found.needs
        ],
    }
