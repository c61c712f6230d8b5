"""The end of the migration over HTTP: public DNS now. Reference: docs/reference/http-api.md."""

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from activities.dns_looks import look_at
from bascule.composition import ports
from bascule.domain.dns_findings import SpfAim
from triggers.answers import BadRequest, answer, answering
from triggers.dns_view import look_view
from triggers.roles import Role, requires

completion = df.Blueprint()


@completion.route(route="tenant/dns", methods=["GET"])
@answering
@requires(Role.READER)
async def show_dns(req: func.HttpRequest) -> func.HttpResponse:
    """Every domain of the plan in public DNS; `aim` says whom SPF must let send."""
    aim = _aim(req.params.get("aim", SpfAim.BOTH))
    return answer(await asyncio.to_thread(_looks, aim))


def _aim(text: str) -> SpfAim:
    if text not in set(SpfAim):
        raise BadRequest(f"aim: {text!r} is none of {', '.join(SpfAim)}")
    return SpfAim(text)


def _looks(aim: SpfAim) -> dict[str, Any]:
    plan = ports().plan
    looks = [look_at(ports(), domain) for domain in plan.tenant.domains]
    return {"aim": aim.value, "domains": [look_view(each, plan.dns, aim) for each in looks]}
