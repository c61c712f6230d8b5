"""An uploaded batch file knocks. Delivered at least once: the story looks for itself at what lies there."""

import asyncio
import logging
from pathlib import PurePosixPath

import azure.durable_functions as df
import azure.functions as func

from activities.wake_stories import wake_batch
from bascule.composition import ports
from triggers.batch_names import RULE, is_batch_name

logger = logging.getLogger("bascule.upload")

upload = df.Blueprint()


@upload.blob_trigger(
    arg_name="blob",
    path="batches/{name}.csv",
    connection="AzureWebJobsStorage",
    source=func.BlobSource.EVENT_GRID,
)
@upload.durable_client_input(client_name="client")
async def batch_uploaded(blob: func.InputStream, client: df.DurableOrchestrationClient) -> None:
    """Wake the story of the batch that the file is named after."""
    name = PurePosixPath(blob.name or "").stem
    if not is_batch_name(name):
        text = f"The file {name!r} in the container of batches was left alone. Rename it: {RULE}."
        logger.error("upload refused: its name is no batch name")
        await asyncio.to_thread(ports().notifier.alert, "An upload was refused", text)
        return
    await wake_batch(client, name)
