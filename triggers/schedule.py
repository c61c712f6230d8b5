"""The watchdog: stories whose row nobody has looked at for too long are reported and woken.

An engine can lose a story: a host that restarts at the wrong instant, a purge by hand. The ledger knows better. And a
file may come in the instant in which its batch's story ends, which hears no bell any more: the file lies there still.
"""

import asyncio
import logging
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from activities.wake_stories import revive_batch, wake_mailboxes
from bascule.composition import ports
from bascule.domain.errors import BasculeError
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import WakeRequest
from bascule.ports.bundle import Ports
from triggers.batch_names import is_batch_name

logger = logging.getLogger("bascule.watchdog")

watchdog = df.Blueprint()


@watchdog.timer_trigger(arg_name="timer", schedule="0 */15 * * * *", run_on_startup=False)
@watchdog.durable_client_input(client_name="client")
async def watch_stories(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Every quarter of an hour: wake open batches, mailboxes that nobody has looked at, and whoever has a file to judge."""
    del timer
    for batch, keys in (await asyncio.to_thread(unmoved, ports())).items():
        if keys:
            logger.warning("batch %s: %d stories have not looked at their rows", batch, len(keys))
            await wake_mailboxes(client, WakeRequest(batch, keys))
            await asyncio.to_thread(_tell, ports(), batch, len(keys))
        await revive_batch(client, batch)
    for batch in await asyncio.to_thread(unjudged, ports()):
        await revive_batch(client, batch)


def _tell(ports: Ports, batch: str, story_count: int) -> None:
    text = f"{story_count} mailbox stories had stopped and were woken. If this repeats, look at the host."
    try:
        ports.notifier.alert(f"Stories of {batch} stopped", text)
    except BasculeError as failure:
        # The log has the alert already; a report mailbox that takes no mail must not keep other batches asleep.
        logger.warning("the alert about %s was not mailed: %s", batch, failure)


def unmoved(ports: Ports) -> dict[str, tuple[str, ...]]:
    """{open batch: keys of mailboxes whose row was not looked at for longer than the plan allows}."""
    oldest_utc = ports.clock.now_utc() - timedelta(hours=ports.plan.patience.watchdog_h)

    def is_unmoved(record: MailboxRecord) -> bool:
        last_utc = record.seen_utc or record.stage_since_utc
        return not record.is_final and last_utc is not None and last_utc < oldest_utc

    return {
        batch.name: tuple(
            record.key for record in ports.ledger.mailboxes(batch.name) if is_unmoved(record)
        )
        for batch in ports.ledger.batches()
        if batch.is_open and batch.closed_utc is None
    }


def unjudged(ports: Ports) -> tuple[str, ...]:
    """Batches whose file lies where uploads are expected; it holds passwords until its story has looked at it."""
    return tuple(name for name in ports.blobs.waiting_uploads() if is_batch_name(name))
