"""The HTTP API of the tenant: prepare, adopt, watch and repair it. Reference: docs/reference/http-api.md."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from activities.adopt_tenant import adopt_tenant
from activities.completion_gate import is_closed_to_uploads
from activities.list_parts import TOO_LATE
from activities.readiness import readiness
from activities.tenant_parts import compared, danger_of, domain_differences, planned_objects
from activities.wake_stories import wake_preparation
from bascule.composition import ports
from bascule.domain.tenant import Difference
from bascule.domain.tenant_records import PREPARATION, Preparation
from bascule.ports.bundle import Ports
from triggers.answers import BadRequest, answer, answering
from triggers.roles import Role, asker, requires
from triggers.tenant_views import check_view, difference_view, tenant_view

tenant_api = df.Blueprint()

STATUS = "/api/tenant"


@tenant_api.route(route="tenant", methods=["GET"])
@answering
@requires(Role.READER)
async def show_tenant(req: func.HttpRequest) -> func.HttpResponse:
    """How far the tenant is prepared, and whether the guard finds it as recorded."""
    del req
    return answer(await asyncio.to_thread(lambda: tenant_view(ports())))


@tenant_api.route(route="tenant/differences", methods=["GET"])
@answering
@requires(Role.READER)
async def show_tenant_differences(req: func.HttpRequest) -> func.HttpResponse:
    """What a preparation would change now; nothing is written."""
    del req
    found = await asyncio.to_thread(lambda: _differences(ports()))
    return answer({"differences": [difference_view(each) for each in found]})


@tenant_api.route(route="tenant/readiness", methods=["GET"])
@answering
@requires(Role.READER)
async def show_readiness(req: func.HttpRequest) -> func.HttpResponse:
    """Everything a migration needs, checked now: green, red with a page, or unknown with why."""
    del req
    checks = await asyncio.to_thread(lambda: readiness(ports()))
    return answer({"checks": [check_view(each) for each in checks]})


@tenant_api.route(route="tenant/prepare", methods=["POST"])
@tenant_api.durable_client_input(client_name="client")
@answering
@requires(Role.OPERATOR)
async def prepare_tenant(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Make what the plan wants and the tenant lacks."""
    await asyncio.to_thread(_check_nothing_to_repair)
    return await _ask(client, asker(req), is_repair=False)


@tenant_api.route(route="tenant/repair", methods=["POST"])
@tenant_api.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def repair_tenant(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Bring everything back to the plan, and not migrated mailboxes back into the group."""
    return await _ask(client, asker(req), is_repair=True)


@tenant_api.route(route="tenant/adopt", methods=["POST"])
@answering
@requires(Role.APPROVER)
async def adopt(req: func.HttpRequest) -> func.HttpResponse:
    """Take a tenant that was prepared by hand as the record that is watched."""
    found = await asyncio.to_thread(lambda: adopt_tenant(ports(), asker(req)))
    return answer({"adopted": True, "differences": [difference_view(each) for each in found]})


async def _ask(
    client: df.DurableOrchestrationClient, asked_by: str, *, is_repair: bool
) -> func.HttpResponse:
    await asyncio.to_thread(lambda: _remember(asked_by, is_repair))
    await wake_preparation(client)
    return answer({"status": STATUS}, 202)


def _differences(asked: Ports) -> tuple[Difference, ...]:
    """Of every part that a preparation walks through, in its order."""
    objects = planned_objects(asked)
    return (*domain_differences(asked), *compared(asked, objects)[0])


def _remember(asked_by: str, is_repair: bool) -> None:
    if is_closed_to_uploads(ports()):
        raise BadRequest(TOO_LATE, status=409)
    # A plan that cannot be prepared is refused to whoever asks, not to a story that nobody reads.
    planned_objects(ports())
    wish = Preparation(asked_by, ports().clock.now_utc(), is_repair)
    ports().documents.amend(PREPARATION, Preparation, lambda _: wish)


def _check_nothing_to_repair() -> None:
    danger = danger_of(ports())
    if danger:
        raise BadRequest(f"ask for the repair, not for a preparation: {danger}", status=409)
