"""The guard of the tenant: every ten minutes, is everything that routes mail as it was prepared?"""

import asyncio
import logging

import azure.durable_functions as df
import azure.functions as func

from activities.see_tenant import see_tenant
from activities.tenant_parts import GUARD_PERIOD_S
from activities.wake_stories import revive_preparation
from bascule.composition import ports
from bascule.domain.tenant_records import PREPARATION, Preparation, TenantQuestion
from bascule.ports.notifier import ALERT_MARK

logger = logging.getLogger("bascule.guard")

guard = df.Blueprint()

SCHEDULE = f"0 */{GUARD_PERIOD_S / 60:.0f} * * * *"


@guard.timer_trigger(arg_name="timer", schedule=SCHEDULE, run_on_startup=False)
@guard.durable_client_input(client_name="client")
async def guard_tenant(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Look at the tenant; what differs is alerted once, and no mailbox is turned while mail may take another way.

    And start a preparation again that an engine has lost.
    """
    del timer
    facts = await asyncio.to_thread(lambda: see_tenant(ports(), TenantQuestion("guard")))
    # Told here as well: the worker brings no line to Azure's logs that another thread than its own has written. Source:
    # Azure/azure-functions-python-worker, issue 1158.
    if facts.finding_count:
        count = facts.finding_count
        logger.warning("%s: the tenant differs from its record in %d settings", ALERT_MARK, count)
    if facts.is_unknown:
        logger.warning("%s: the tenant cannot be watched", ALERT_MARK)
    if await asyncio.to_thread(_is_preparing):
        await revive_preparation(client)


def _is_preparing() -> bool:
    asked = ports().documents.find(PREPARATION, Preparation)
    return asked is not None and asked.is_under_way
