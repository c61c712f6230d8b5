"""Ring the doorbells of stories; start those that do not run.

The one step that holds the durable client. A ring that is lost changes nothing but the delay: every story also wakes by
its own timer, and the watchdog rings for rows that nobody has looked at.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from activities.registration import StepBroken
from bascule.domain.codec import Json, decode, encode
from bascule.domain.records import DOORBELL, MailboxRef, batch_instance_id
from bascule.domain.replies import Done
from bascule.domain.requests import BatchRef, WakeRequest
from bascule.domain.tenant_records import PREPARATION_ID, PreparationRef

MAILBOX_STORY = "mailbox"
BATCH_STORY = "batch"
PREPARATION_STORY = "tenant_preparation"
# The management API is the app's own host; more at once only queue there.
CONCURRENT_COUNT_MAX = 8
ALIVE = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})


class DurableClient(Protocol):
    """The few verbs of the durable client that we use."""

    async def get_status(self, instance_id: str) -> Any: ...
    async def raise_event(
        self, instance_id: str, event_name: str, event_data: Any = None
    ) -> None: ...
    async def start_new(
        self, orchestration_function_name: str, instance_id: str, client_input: Any
    ) -> str: ...


async def wake_stories(request: Any, client: DurableClient) -> Json:
    """The step: answers how many stories were rung or started.

    Raises:
        StepBroken: the engine did not take one of them; those before it were woken, and waking again is harmless.
    """
    try:
        return encode(Done(await wake_mailboxes(client, decode(WakeRequest, request))))
    except Exception as unforeseen:  # noqa: BLE001  the SDK raises bare exceptions with the engine's own text
        what = f"wake_stories: {type(unforeseen).__name__}"
    raise StepBroken(what)


async def wake_mailboxes(client: DurableClient, request: WakeRequest) -> int:
    """Ring or start every story named; how many."""
    refs = [MailboxRef(request.batch, key) for key in request.keys]
    return await _all(client, ((MAILBOX_STORY, ref.instance_id, encode(ref)) for ref in refs))


async def wake_batch(client: DurableClient, batch: str) -> int:
    """Ring the batch's story, or start it."""
    return await _all(client, [_batch_story(batch)])


async def wake_preparation(client: DurableClient) -> None:
    """Ring the story that prepares the tenant, or start it."""
    await _all(client, [_preparation_story()])


async def revive_preparation(client: DurableClient) -> None:
    """Start the story that prepares the tenant if it does not run."""
    await revive_story(client, *_preparation_story())


async def revive_batch(client: DurableClient, batch: str) -> None:
    """Start the batch's story if it does not run; one that runs is left to its own timer."""
    await revive_story(client, *_batch_story(batch))


async def wake_story(client: DurableClient, name: str, instance_id: str, request: Json) -> None:
    """Ring a story, or start it."""
    await _all(client, [(name, instance_id, request)])


async def revive_story(client: DurableClient, name: str, instance_id: str, request: Json) -> None:
    """Start a story if it does not run; one that runs is left to its own timer."""
    if not await _is_alive(client, instance_id):
        await client.start_new(name, instance_id, request)


def _preparation_story() -> tuple[str, str, Json]:
    return PREPARATION_STORY, PREPARATION_ID, encode(PreparationRef())


def _batch_story(batch: str) -> tuple[str, str, Json]:
    return BATCH_STORY, batch_instance_id(batch), encode(BatchRef(batch, goes_on=True))


async def _all(client: DurableClient, stories: Iterable[tuple[str, str, Json]]) -> int:
    gate = asyncio.Semaphore(CONCURRENT_COUNT_MAX)

    async def wake(name: str, instance_id: str, request: Json) -> None:
        async with gate:
            if await _is_alive(client, instance_id):
                await client.raise_event(instance_id, DOORBELL)
            else:
                await client.start_new(name, instance_id, request)

    woken = [wake(*story) for story in stories]
    await asyncio.gather(*woken)
    return len(woken)


async def _is_alive(client: DurableClient, instance_id: str) -> bool:
    status = await client.get_status(instance_id)
    state = getattr(status, "runtime_status", None)
    return str(getattr(state, "value", state) or "") in ALIVE
