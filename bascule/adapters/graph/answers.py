"""Requests built by the SDK, answers read as plain JSON. Imports the SDK: load it late.

The SDK's own models cost a second and forty megabytes at the first answer of a process, and ten milliseconds for each
message after that: for a mailbox of half a million messages more than an hour.
"""

import json
from typing import Any

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

Json = dict[str, Any]


def asking(query: Any) -> Any:
    """The configuration that carries a builder's query parameters."""
    return RequestConfiguration(query_parameters=query)


async def json_answer(graph: GraphServiceClient, ask: RequestInformation) -> Json:
    """The answer's JSON object; an empty one when there is none. Raises ValueError for what is no JSON."""
    raw = await graph.request_adapter.send_primitive_async(ask, "bytes", {"XXX": ODataError})
    answer = json.loads(raw or b"{}")
    return answer if isinstance(answer, dict) else {}
