"""The plan of a rehearsal, written for the world it runs in."""

import json
import math
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

from bascule.domain.plan_file import read_plan
from sandbox.world.coexistence import Coexistence
from sandbox.world.dns import POSTFIX_ADDRESSES
from sandbox.world.world import World

MESSAGE_SIZE_MAX_BYTES = 256 * 1024
# Where things are, an operator's own plan cannot say of a sandbox; what to do with them, it can.
PLACES = ("tenant", "source", "alias_map", "submission", "dns")


TEMPLATE = """
[tenant]
tenant_id = "{tenant_id}"
domains = ["{domain}"]
routing_domain = "{routing_domain}"
coexistence_group = "{group}"
migration_endpoint = "{endpoint}"
probe_sender = "{report}"
report_mailbox = "{report}"
{places}
[dns]
resolvers = {resolvers}
authorities = {authorities}
source_senders = {senders}

[cohorts.default]
licence = "STANDARDWOFFPACK_STUDENT"
usage_location = "FR"

[cohorts.staff]
licence = "STANDARDWOFFPACK_FACULTY"
services_after = ["TEAMS1", "SHAREPOINTSTANDARD_EDU", "SHAREPOINTWAC_EDU"]
usage_location = "FR"

[cutover]
hold_s = {hold_s}
{real_servers}
[survey]
message_size_max_bytes = {message_size_max}
waived = ["message_too_large", "two_folders_for_one_role"]

[notices]
migrated_subject = "Your mailbox has moved"
migrated_text = "Your mail is in Microsoft 365 now. Your address, {{address}}, stays the same."
"""

# There is a Postfix to send probes through. Real servers work in real time, and the app's runs faster: what takes them
# seconds on a busy machine is hours to its patience.
REAL_SERVERS = """source_probe = true
probe_patience_s = 3600

[patience]
survey_h = 72
coexist_h = 72
detach_h = 72
redirect_h = 72
"""


def plan_text(
    world: World, coexistence: Coexistence, addresses: Mapping[str, Any], places: str
) -> str:
    """A `plan.toml`: two cohorts, large messages waived, the notice of the end; `places` has source and alias map."""
    return TEMPLATE.format(
        tenant_id=addresses["tenant_id"],
        domain=world.naming.domain,
        routing_domain=world.naming.initial_domain,
        group=coexistence.group_address,
        endpoint=coexistence.endpoint_name,
        report=coexistence.report_address,
        places=places,
        # A list of plain texts looks the same in JSON and in TOML.
        resolvers=json.dumps(addresses["dns"]["resolvers"]),
        authorities=json.dumps(addresses["dns"]["authorities"]),
        senders=json.dumps(POSTFIX_ADDRESSES),
        message_size_max=MESSAGE_SIZE_MAX_BYTES,
        # As an operator does who knows their tenant: as long as its servers remember a group, and no longer.
        hold_s=math.ceil(world.weather.group_cache_age.max_s),
        real_servers=REAL_SERVERS if "submission" in tomllib.loads(places) else "",
    )


def merged(own: str, played: str) -> str:
    """An operator's own plan with the sandbox's tenant, source and alias map.

    Raises:
        PlanInvalid: with every mistake of the operator's plan, before anything is replaced.
    """
    read_plan(own)
    places = tomllib.loads(played)
    played_places = {name: places[name] for name in PLACES if name in places}
    return tomli_w.dumps(tomllib.loads(own) | played_places)
