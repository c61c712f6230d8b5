"""The function app: registers triggers, stories and steps; starts nothing, decides nothing."""

import azure.durable_functions as df

from activities.catalogue import activities
from activities.wake_stories import wake_stories
from bascule.composition import ports
from orchestrators.batch import batch
from orchestrators.completion import tenant_completion
from orchestrators.directory_objects import directory_objects
from orchestrators.licensing import licensing
from orchestrators.mailbox import mailbox
from orchestrators.passwords import reset
from orchestrators.preparation import tenant_preparation
from orchestrators.wishes import abandon, cutover, retry, rollback, survey
from triggers.batch_upload import upload
from triggers.completion_api import completion
from triggers.dashboard import dashboard
from triggers.directory_api import directory
from triggers.guard import guard
from triggers.http_api import api
from triggers.licences_api import licences
from triggers.passwords_api import passwords
from triggers.roles import auth_level
from triggers.schedule import watchdog
from triggers.tenant_api import tenant_api
from triggers.workstations_api import workstations

app = df.DFApp(http_auth_level=auth_level())

for blueprint in (
    api,
    licences,
    dashboard,
    completion,
    directory,
    tenant_api,
    guard,
    upload,
    passwords,
    watchdog,
    workstations,
):
    app.register_functions(blueprint)

for story in (
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
):
    app.orchestration_trigger(context_name="context")(story)

for step in activities(ports):
    app.activity_trigger(input_name="request")(step)

app.activity_trigger(input_name="request")(
    app.durable_client_input(client_name="client")(wake_stories)
)
