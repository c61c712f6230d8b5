"""The request of several reads, in the SDK's words. Imports the SDK: load it late."""

import json
from collections.abc import Mapping

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphServiceClient

from bascule.adapters.graph.answers import Json, json_answer


async def read_all(graph: GraphServiceClient, urls: Mapping[str, str]) -> Json:
    """One $batch of GETs; `responses` by key, in any order.

    Written by hand, because the SDK's own batch helper loses ids and bodies.
    """
    requests = [{"id": key, "method": "GET", "url": url} for key, url in urls.items()]
    ask = RequestInformation()
    ask.http_method = Method.POST
    ask.url_template = "{+baseurl}/$batch"
    ask.path_parameters = {"baseurl": graph.request_adapter.base_url}
    ask.headers.try_add("Accept", "application/json")
    ask.set_stream_content(json.dumps({"requests": requests}).encode(), "application/json")
    return await json_answer(graph, ask)
