"""The dashboard: one page for whoever looks in, the same facts as the API's."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from bascule.composition import ports
from bascule.settings import docs_url
from triggers.answers import HEADERS, answering
from triggers.dashboard_facts import dashboard_facts
from triggers.dashboard_page import CONTENT_SECURITY_POLICY, page
from triggers.dashboard_words import words_for
from triggers.roles import Role, requires

dashboard = df.Blueprint()

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
}


@dashboard.route(route="dashboard", methods=["GET"])
@answering
@requires(Role.READER)
async def show_dashboard(req: func.HttpRequest) -> func.HttpResponse:
    """Every batch with its counts, who is set aside and why, seats, syncs, and what waits for a person."""
    seen = await asyncio.to_thread(lambda: dashboard_facts(ports()))
    words = words_for(req.headers.get("accept-language", ""))
    text = page(seen, words, docs_url())
    return func.HttpResponse(text, headers=PAGE_HEADERS, mimetype="text/html", charset="utf-8")
