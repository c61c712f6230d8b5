"""One story per behaviour of the engine; the activities remember how often they ran."""

from collections import Counter
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

RUNS: Counter[str] = Counter()
VARIANT = {"name": "first"}


def retry(count=3, interval_ms=5000):
    return df.RetryOptions(interval_ms, count)


def in_(context, **delta):
    return context.current_utc_datetime + timedelta(**delta)


# --- activities


@app.activity_trigger(input_name="x")
def echo(x):
    RUNS[f"echo {x}"] += 1
    return x


@app.activity_trigger(input_name="x")
async def echo_async(x):
    return x


@app.activity_trigger(input_name="x")
def flaky(x: dict):
    """Fails its first `fails` runs."""
    RUNS[x["key"]] += 1
    if RUNS[x["key"]] <= x["fails"]:
        raise ValueError(f"bad run {RUNS[x['key']]}")
    return f"run {RUNS[x['key']]}"


@app.activity_trigger(input_name="x")
def not_json(x):
    return {1, 2}


@app.activity_trigger(input_name="x")
@app.durable_client_input(client_name="client")
async def ring(x: dict, client):
    await client.raise_event(x["id"], x["name"])
    return "rung"


# --- the plain life


@app.orchestration_trigger(context_name="context")
def shows_input(context):
    return context.get_input()
    yield


@app.orchestration_trigger(context_name="context")
def calls(context):
    first = yield context.call_activity("echo", {"n": 1})
    second = yield context.call_activity("echo_async", {"n": 1})
    return [first, second]


@app.orchestration_trigger(context_name="context")
def fans_out(context):
    tasks = [context.call_activity("echo", n) for n in range(context.get_input()["n"])]
    return (yield context.task_all(tasks))


@app.orchestration_trigger(context_name="context")
def waits_for_go(context):
    value = yield context.wait_for_external_event("Go")
    return value


@app.orchestration_trigger(context_name="context")
def says_status(context):
    context.set_custom_status(context.get_input()["status"])
    yield context.wait_for_external_event("Go")
    return "over"


@app.orchestration_trigger(context_name="context")
def rings_itself(context):
    bell = context.wait_for_external_event("Bell")
    yield context.call_activity("ring", {"id": context.instance_id, "name": "Bell"})
    yield bell
    return "heard"


# --- failures and retries


@app.orchestration_trigger(context_name="context")
def calls_flaky(context):
    return (yield context.call_activity("flaky", context.get_input()))


@app.orchestration_trigger(context_name="context")
def retries(context):
    return (yield context.call_activity_with_retry("flaky", retry(), context.get_input()))


@app.orchestration_trigger(context_name="context")
def retries_child(context):
    story = context.get_input()["story"]
    return (yield context.call_sub_orchestrator_with_retry(story, retry(), context.get_input()))


@app.orchestration_trigger(context_name="context")
def catches(context):
    try:
        yield context.call_activity("flaky", context.get_input())
    except Exception as raised:  # noqa: BLE001 - the SDK raises nothing finer
        return str(raised).splitlines()[0]


@app.orchestration_trigger(context_name="context")
def calls_unknown(context):
    yield context.call_activity("nobody", 1)


@app.orchestration_trigger(context_name="context")
def calls_not_json(context):
    yield context.call_activity("not_json", 1)


@app.orchestration_trigger(context_name="context")
def calls_child(context):
    given = context.get_input()
    return (yield context.call_sub_orchestrator(given["story"], given, given.get("id")))


@app.orchestration_trigger(context_name="context")
def changes(context):
    """Its code changes while it runs: the tests set VARIANT."""
    if VARIANT["name"] == "first":
        yield context.call_activity("echo", 1)
        yield context.wait_for_external_event("Go")
    elif VARIANT["name"] == "renamed":
        yield context.call_activity("echo_async", 1)
        yield context.wait_for_external_event("Go")
    elif VARIANT["name"] == "timer":
        yield context.create_timer(in_(context, hours=1))
    else:
        yield context.wait_for_external_event("Go")
        yield context.call_activity("echo", 1)
    return "done"


# --- generations


@app.orchestration_trigger(context_name="context")
def monitors(context):
    given = context.get_input()
    yield context.call_activity("echo", "look")
    yield context.create_timer(in_(context, days=1))
    if given["days"] > 1:
        context.continue_as_new({"days": given["days"] - 1})
        return None
    return "over"


@app.orchestration_trigger(context_name="context")
def naps(context):
    """Continues as new with whatever event came; ends on 'stop'."""
    word = yield context.wait_for_external_event("Word")
    if word != "stop":
        context.continue_as_new({"heard": (context.get_input() or {}).get("heard", 0) + 1})
        return None
    return context.get_input()


# --- traps


@app.orchestration_trigger(context_name="context")
def retry_in_any(context):
    call = context.call_activity_with_retry("flaky", retry(), context.get_input())
    timer = context.create_timer(in_(context, hours=1))
    winner = yield context.task_any([call, timer])
    if winner == call:
        timer.cancel()
    return (yield context.call_activity("echo", "after"))


@app.orchestration_trigger(context_name="context")
def waits_again(context):
    """a ends first, then b; c is scheduled with b and ends last."""
    a = context.call_activity("echo", "a")
    b = context.wait_for_external_event("b")
    yield context.task_any([a, b])
    c = context.wait_for_external_event("c")
    yield context.task_any([b, c])
    return (yield context.call_activity("echo", "next"))


@app.orchestration_trigger(context_name="context")
def goes_on_after_all(context):
    """One child fails at once, its sibling retries: work scheduled after the catch takes the retry's id."""
    failing = context.call_activity("flaky", {"key": "never", "fails": 99})
    slow = context.call_activity_with_retry("flaky", retry(), {"key": "slow", "fails": 1})
    try:
        yield context.task_all([failing, slow])
    except Exception:  # noqa: BLE001 - the SDK raises nothing finer
        context.set_custom_status("caught")
    first = yield context.call_activity("echo", "x")
    second = yield context.call_activity("echo", "y")
    return [first, second]


@app.orchestration_trigger(context_name="context")
def hears_twice(context):
    """One early event ends both waits in the SDK; the engine gives it to the first only."""
    yield context.create_timer(in_(context, minutes=1))
    yield context.wait_for_external_event("Go")
    yield context.wait_for_external_event("Go")
    return "two"


@app.orchestration_trigger(context_name="context")
def loses_event(context):
    timer = context.create_timer(in_(context, minutes=1))
    yield context.task_any([context.wait_for_external_event("Go"), timer])
    yield context.create_timer(in_(context, minutes=1))
    yield context.wait_for_external_event("Go")
    return "heard"


@app.orchestration_trigger(context_name="context")
def waits_long(context):
    yield context.create_timer(in_(context, days=10))
    return "ten days"


@app.orchestration_trigger(context_name="context")
def cancels_long(context):
    timer = context.create_timer(in_(context, days=10))
    go = context.wait_for_external_event("Go")
    yield context.task_any([go, timer])
    timer.cancel()
    return "went"


@app.orchestration_trigger(context_name="context")
def leaves_timer(context):
    timer = context.create_timer(in_(context, hours=5))
    yield context.task_any([context.wait_for_external_event("Go"), timer])
    return "left"


@app.orchestration_trigger(context_name="context")
def cancels_timer(context):
    timer = context.create_timer(in_(context, hours=5))
    yield context.task_any([context.wait_for_external_event("Go"), timer])
    timer.cancel()
    return "cancelled"


@app.orchestration_trigger(context_name="context")
def returns_failed_winner(context):
    call = context.call_activity("flaky", {"key": "winner", "fails": 99})
    winner = yield context.task_any([call])
    return winner.result


@app.orchestration_trigger(context_name="context")
def calls_http(context):
    yield context.call_http("GET", "http://127.0.0.1:9/")


# --- entities


@app.entity_trigger(context_name="context")
def counter(context):
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            value += context.get_input()
            context.set_state(value)
        case "get":
            context.set_result(value)
        case "fail":
            raise ValueError("no")
        case "delete":
            context.destruct_on_exit()
            return
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def counts(context):
    entity = df.EntityId("counter", "k1")
    context.signal_entity(entity, "add", 2)
    yield context.call_entity(entity, "add", 3)
    return (yield context.call_entity(entity, "get"))


@app.orchestration_trigger(context_name="context")
def counts_badly(context):
    try:
        yield context.call_entity(df.EntityId("counter", "k1"), "fail")
    except Exception as raised:  # noqa: BLE001 - the SDK raises nothing finer
        return str(raised)


@app.orchestration_trigger(context_name="context")
def waits_for_retried_loser(context):
    """The loser is retried after the race was won; the next step has the loser's name."""
    slow = context.call_activity_with_retry("flaky", retry(), {"key": "slow", "fails": 1})
    yield context.task_any([slow, context.call_activity("echo", "fast")])
    first = yield slow
    second = yield context.call_activity("flaky", {"key": "next", "fails": 0})
    return [first, second]


@app.orchestration_trigger(context_name="context")
def cancels_at_birth(context):
    timer = context.create_timer(in_(context, hours=1))
    timer.cancel()
    yield context.task_any([timer, context.wait_for_external_event("Go")])
    return "over"


@app.orchestration_trigger(context_name="context")
def waits_naively(context):
    yield context.create_timer((in_(context, hours=1)).replace(tzinfo=None))
