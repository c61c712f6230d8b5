"""The product's stories and steps as a function app whose ports live in the simulated world."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import azure.durable_functions as df

from activities.catalogue import activities
from activities.wake_stories import wake_stories
from bascule.ports.bundle import Ports
from orchestrators.batch import batch
from orchestrators.completion import tenant_completion
from orchestrators.directory_objects import directory_objects
from orchestrators.licensing import licensing
from orchestrators.mailbox import mailbox
from orchestrators.passwords import reset
from orchestrators.preparation import tenant_preparation
from orchestrators.wishes import abandon, cutover, retry, rollback, survey
from sandbox.local_host.loader import MODULE, App, index

Activity = Callable[[Any], Any]
STORIES = (
    batch,
    mailbox,
    licensing,
    tenant_completion,
    tenant_preparation,
    directory_objects,
    cutover,
    rollback,
    retry,
    abandon,
    survey,
    reset,
)


def simulated_app(ports: Ports, watched: Callable[[Activity], Activity]) -> App:
    """The app as `function_app.py` registers it, without triggers; `watched` wraps every step."""
    app = df.DFApp()
    for story in STORIES:
        app.orchestration_trigger(context_name="context")(story)
    for step in activities(lambda: ports):
        app.activity_trigger(input_name="request")(watched(step))
    app.activity_trigger(input_name="request")(
        app.durable_client_input(client_name="client")(wake_stories)
    )
    module = ModuleType(MODULE)
    vars(module)["app"] = app
    return index(module)
