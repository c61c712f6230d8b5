"""Two activities, a timer raced with an event, a child, and continue-as-new."""

from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.activity_trigger(input_name="x")
def act_a(x: int):
    return x + 1


@app.activity_trigger(input_name="x")
def act_b(x: int):
    return x * 10


@app.orchestration_trigger(context_name="context")
def child(context):
    value = yield context.call_activity("act_a", context.get_input()["v"])
    return {"child": value}


@app.orchestration_trigger(context_name="context")
def main(context):
    n = context.get_input()["n"]
    a = yield context.call_activity("act_a", n)
    b = yield context.call_activity("act_b", a)
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=30))
    go = context.wait_for_external_event("Go")
    winner = yield context.task_any([timer, go])
    if winner == go:
        timer.cancel()
    sub = yield context.call_sub_orchestrator("child", {"v": b})
    if n < 2:
        context.continue_as_new({"n": n + 1})
        return None
    return {"n": n, "sub": sub, "won": "event" if winner == go else "timer"}


@app.route(route="start/{name}/{id?}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client):
    instance_id = await client.start_new(
        req.route_params["name"], req.route_params.get("id"), req.get_json()
    )
    return client.create_check_status_response(req, instance_id)


@app.route(route="hello/{who}", methods=["GET"])
def hello(req: func.HttpRequest):
    return f"hello {req.route_params['who']}"
