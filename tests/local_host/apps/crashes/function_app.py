"""A story with many steps, each of which writes down that it ran: for tests which kill the host."""

import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df

app = df.DFApp()
LOG = Path(os.environ["CRASH_LOG"])


@app.activity_trigger(input_name="x")
def mark(x: str) -> str:
    time.sleep(0.02)  # noqa: TID251 - long enough that a kill falls into it now and then
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"{x}\n")
    return x


@app.orchestration_trigger(context_name="context")
def child(context):
    first = yield context.call_activity("mark", f"{context.get_input()['n']}-first")
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
    second = yield context.call_activity("mark", f"{context.get_input()['n']}-second")
    return [first, second]


@app.orchestration_trigger(context_name="context")
def story(context):
    go = context.wait_for_external_event("Go")
    marks = yield context.task_all([context.call_activity("mark", f"m{n}") for n in range(50)])
    children = [context.call_sub_orchestrator("child", {"n": f"c{n}"}) for n in range(10)]
    kids = yield context.task_all(children)
    word = yield go
    return {"marks": marks, "kids": kids, "word": word}
