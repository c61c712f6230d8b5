"""What needs a real host: HTTP, client calls over a socket, timers, blobs, settings and the clock."""

import json
import os
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
SEEN: list[dict] = []
CLOCK = json.loads(os.environ["LOCAL_HOST_CLOCK"])


@app.route(route="seen", methods=["GET"])
def seen(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(SEEN), mimetype="application/json")


@app.route(route="clock", methods=["GET"])
def clock(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({**CLOCK, "setting": os.environ["HOSTED_WORD"]}))


@app.route(route="echo/{word:alpha}/{rest?}", methods=["POST"])
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    document = {
        "route": dict(req.route_params),
        "params": dict(req.params),
        "body": req.get_body().decode(),
        "function": context.function_name,
    }
    return func.HttpResponse(json.dumps(document), status_code=201, headers={"X-Word": "w"})


@app.route(route="raises")
def raises(req: func.HttpRequest) -> str:
    raise ValueError("secret text")


@app.route(route="start/{story}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["story"], None, req.get_json())
    return await client.wait_for_completion_or_create_check_status_response(
        req, instance_id, timeout_in_milliseconds=30_000, retry_interval_in_milliseconds=50
    )


@app.activity_trigger(input_name="x")
@app.durable_client_input(client_name="client")
async def ring(x: str, client) -> str:
    await client.raise_event(x, "Bell", {"n": 1})
    return "rung"


@app.orchestration_trigger(context_name="context")
def rings(context):
    bell = context.wait_for_external_event("Bell")
    yield context.call_activity("ring", context.instance_id)
    return (yield bell)


@app.orchestration_trigger(context_name="context")
def sleeps(context):
    started = context.current_utc_datetime
    yield context.create_timer(started + timedelta(hours=context.get_input()["hours"]))
    return (context.current_utc_datetime - started).total_seconds()


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None:
    SEEN.append({"tick": timer.past_due})


@app.blob_trigger(arg_name="blob", path="inbox/{name}.csv", connection="AzureWebJobsStorage")
def upload(blob: func.InputStream) -> None:
    content = blob.read().decode()
    SEEN.append({"blob": blob.name, "length": blob.length, "content": content})
    if content == "bad":
        raise ValueError("bad file")
