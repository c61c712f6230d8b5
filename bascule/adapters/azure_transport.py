"""How patient our Azure clients are on the wire: short, because a story waits better than a thread does."""

import logging
from typing import Any

CONNECT_TIMEOUT_S = 10
# A connection that broke is tried again at once; a longer trouble fails the step, which the host runs again.
RETRY_COUNT_MAX = 2

# One line per request at its usual level: a bill for the log, and keys made from addresses in it.
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)


def transport_options(read_timeout_s: float) -> dict[str, Any]:
    """Options that every Azure client understands.

    An answer is never asked for again here, because the SDK would sleep in the step's thread for as long as
    `Retry-After` says. Source: "Retry policy", azure-core documentation.
    """
    return {
        "connection_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": read_timeout_s,
        "retry_total": RETRY_COUNT_MAX,
        "retry_status": 0,
    }
