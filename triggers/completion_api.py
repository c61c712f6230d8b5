"""The end of the migration over HTTP: public DNS now, the completion and its words. Reference: docs/reference/http-api.md."""

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from activities.completion_gate import completion_of
from activities.dns_looks import look_at
from activities.wake_stories import revive_story, wake_story
from bascule.composition import ports
from bascule.domain.codec import encode
from bascule.domain.completion import COMPLETION, CompletionRef, Phase, Word
from bascule.domain.dns_findings import SpfAim
from triggers.answers import BadRequest, answer, answering
from triggers.completion_view import completion_view
from triggers.completion_words import say
from triggers.dns_view import look_view
from triggers.roles import Role, asker, requires
from triggers.wishes_asked import json_object

completion = df.Blueprint()

STORY = "tenant_completion"


@completion.route(route="tenant/dns", methods=["GET"])
@answering
@requires(Role.READER)
async def show_dns(req: func.HttpRequest) -> func.HttpResponse:
    """Every domain of the plan in public DNS; `aim` says whom SPF must let send."""
    aim = _aim(req.params.get("aim", SpfAim.BOTH))
    return answer(await asyncio.to_thread(_looks, aim))


@completion.route(route="tenant/completion", methods=["GET"])
@answering
@requires(Role.READER)
async def show_completion(req: func.HttpRequest) -> func.HttpResponse:
    """Where the completion stands, and who would hold it up."""
    del req
    return answer(await asyncio.to_thread(lambda: completion_view(ports())))


@completion.route(route="tenant/complete", methods=["POST"])
@completion.durable_client_input(client_name="client")
@answering
@requires(Role.APPROVER)
async def say_word(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """A person's word about one step of the completion: `{"step": "begin"}`."""
    word = _word(json_object(req).get("step"))
    await asyncio.to_thread(say, ports(), word, asker(req))
    await wake_story(client, STORY, COMPLETION, encode(CompletionRef()))
    return answer({"step": word.value, "status": "/api/tenant/completion"}, 202)


@completion.timer_trigger(arg_name="timer", schedule="0 7,22,37,52 * * * *", run_on_startup=False)
@completion.durable_client_input(client_name="client")
async def watch_completion(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Every quarter of an hour: start the completion's story again if an engine lost it."""
    del timer
    record = await asyncio.to_thread(lambda: completion_of(ports()))
    if record is not None and record.phase is not Phase.COMPLETE:
        await revive_story(client, STORY, COMPLETION, encode(CompletionRef()))


def _aim(text: str) -> SpfAim:
    if text not in set(SpfAim):
        raise BadRequest(f"aim: {text!r} is none of {', '.join(SpfAim)}")
    return SpfAim(text)


def _word(asked: object) -> Word:
    if not isinstance(asked, str) or asked not in set(Word):
        raise BadRequest(f"step: {asked!r} is none of {', '.join(Word)}")
    return Word(asked)


def _looks(aim: SpfAim) -> dict[str, Any]:
    plan = ports().plan
    looks = [look_at(ports(), domain) for domain in plan.tenant.domains]
    return {"aim": aim.value, "domains": [look_view(each, plan.dns, aim) for each in looks]}
