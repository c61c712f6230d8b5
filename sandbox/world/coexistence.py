"""A tenant that is ready for coexistence, as the preparation leaves it."""

from dataclasses import dataclass

from sandbox.world.cloud import CloudMailbox
from sandbox.world.connectors import ConnectorType, OutboundConnector
from sandbox.world.groups import DistributionGroup
from sandbox.world.migration_states import Endpoint
from sandbox.world.recipients import DomainType, RecipientKind
from sandbox.world.rules import RuleErrorAction, TransportRule
from sandbox.world.world import World

GROUP_LOCAL_PART = "utilisateurs.non.migres"
CONNECTOR_NAME = "Vers les serveurs Postfix"
RULE_NAME = "Utilisateurs non migres vers Postfix"
STAMP_NAME = "X-Bascule-Routed"
STAMP_VALUE = "1"
POSTFIX_HOSTS = ("mx1.example.org", "mx2.example.org")
REPORT_LOCAL_PART = "Rapport-Migration"

# The figures of the admin centre; the cmdlet's own defaults are higher.
IMAP_SOURCE = Endpoint(
    guid="",
    name="imap-source",
    remote_server="imap.example.org",
    concurrent_migrations_max=20,
    concurrent_incremental_syncs_max=10,
)


@dataclass(frozen=True)
class Coexistence:
    """The names of what was prepared."""

    group_address: str
    connector_name: str
    rule_name: str
    endpoint_name: str
    report_address: str


def prepare_coexistence(
    world: World,
    *,
    members: tuple[str, ...] = (),
    smart_hosts: tuple[str, ...] = POSTFIX_HOSTS,
    endpoint: Endpoint = IMAP_SOURCE,
) -> Coexistence:
    """Relayed domain, group with its members, connector, rule with stamp and exception, endpoint, report mailbox."""
    tenant = world.tenant
    with world.kernel.look():
        tenant.recipients.accept_domain(world.naming.domain, DomainType.INTERNAL_RELAY)
        group_address = _add_group(world, members)
        tenant.rules.add_outbound(
            OutboundConnector(
                guid="",
                name=CONNECTOR_NAME,
                type=ConnectorType.ON_PREMISES,
                smart_hosts=smart_hosts,
                uses_mx=False,
                is_rule_scoped=True,
            )
        )
        tenant.rules.add_rule(coexistence_rule(group_address), priority=0)
        tenant.migration.endpoints.create(endpoint)
        report = _report_mailbox(world)
    return Coexistence(
        group_address, CONNECTOR_NAME, RULE_NAME, endpoint.name, report.primary_address
    )


def _add_group(world: World, members: tuple[str, ...]) -> str:
    groups = world.tenant.groups
    address = f"{GROUP_LOCAL_PART}@{world.tenant.initial_domain}"
    groups.create(
        DistributionGroup(
            guid=groups.new_guid(),
            name=GROUP_LOCAL_PART,
            display_name="Utilisateurs non migrés",
            alias=GROUP_LOCAL_PART,
            primary_address=address,
            is_hidden=True,
        )
    )
    for member in members:
        groups.add_member(address, member)
    return address


def coexistence_rule(group_address: str) -> TransportRule:
    """The rule that sends the mail of the group's members to Postfix, stamped once."""
    return TransportRule(
        guid="",
        name=RULE_NAME,
        sent_to_member_of=(group_address,),
        connector=CONNECTOR_NAME,
        except_header=STAMP_NAME,
        except_words=(STAMP_VALUE,),
        stamp_name=STAMP_NAME,
        stamp_value=STAMP_VALUE,
        stops=True,
        error_action=RuleErrorAction.DEFER,
    )


def _report_mailbox(world: World) -> CloudMailbox:
    address = f"{REPORT_LOCAL_PART}@{world.tenant.initial_domain}".lower()
    recipients = world.tenant.recipients
    if world.tenant.mailboxes.at_address(address) is None:
        recipients.open_shared_mailbox(address, REPORT_LOCAL_PART, RecipientKind.SHARED_MAILBOX)
    return recipients.mailbox(address)
