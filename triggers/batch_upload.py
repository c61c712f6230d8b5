"""An uploaded batch file knocks. Delivered at least once: the story looks for itself at what lies there."""

import asyncio
import logging

import azure.durable_functions as df
import azure.functions as func

from activities.wake_stories import wake_batch
from bascule.composition import ports
from bascule.ports.notifier import ALERT_MARK
from triggers.batch_names import RULE, is_batch_name

logger = logging.getLogger("bascule.upload")

upload = df.Blueprint()

CONTAINER = "batches/"
ENDING = ".csv"


# Every file, not only those that end in .csv: what nobody takes in would keep its passwords for ever.
@upload.blob_trigger(
    arg_name="blob",
    path=f"{CONTAINER}{{name}}",
    connection="AzureWebJobsStorage",
    source=func.BlobSource.EVENT_GRID,
)
@upload.durable_client_input(client_name="client")
async def batch_uploaded(blob: func.InputStream, client: df.DurableOrchestrationClient) -> None:
    """Wake the story of the batch that the file is named after; discard a file that can be none."""
    file_name = (blob.name or "").removeprefix(CONTAINER)
    name = file_name.removesuffix(ENDING)
    if name != file_name and is_batch_name(name):
        await wake_batch(client, name)
        return
    # Before the thread, whose lines the worker does not bring to Azure's logs. Source: Azure/azure-functions-python-worker,
    # issue 1158.
    logger.error("%s: an upload was refused: its name is no batch name", ALERT_MARK)
    await asyncio.to_thread(_discard, file_name)


def _discard(file_name: str) -> None:
    text = (
        f"The file {file_name!r} in the container of batches was deleted, because it may hold passwords."
        f" Upload it again as NAME{ENDING}; NAME: {RULE}."
    )
    ports().blobs.discard(file_name)
    ports().notifier.alert("An upload was refused", text)
