"""The plan and the batch files of a simulated migration."""

import csv
import io
from collections.abc import Iterable, Mapping

from bascule.domain.batch_header import COLUMNS
from bascule.domain.plan import (
    AliasMapPlan,
    CohortPlan,
    NoticePlan,
    Plan,
    SourcePlan,
    SurveyPlan,
    TenantPlan,
)
from bascule.domain.plan_mail_flow import ConnectorTls, MailFlowPlan
from sandbox.world.coexistence import POSTFIX_HOSTS, STAMP_NAME, STAMP_VALUE, Coexistence
from sandbox.world.population import Person
from sandbox.world.world import World

LICENCE = "STANDARDWOFFPACK_STUDENT"
STAFF_LICENCE = "STANDARDWOFFPACK_FACULTY"
NOTICE_SUBJECT = "Your mailbox has moved"


def plan_of(world: World, names: Coexistence) -> Plan:
    """The plan that fits a world prepared for coexistence; large messages are held against a mailbox."""
    naming = world.naming
    return Plan(
        tenant=TenantPlan(
            tenant_id=world.tenant.tenant_id,
            domains=(naming.domain,),
            routing_domain=naming.initial_domain,
            coexistence_group=names.group_address,
            migration_endpoint=names.endpoint_name,
            probe_sender=names.report_address,
            report_mailbox=names.report_address,
        ),
        source=SourcePlan(host="imap.example.org", user_name_form="local"),
        alias_map=AliasMapPlan("sqlite", home_form=f"{{local}}@{naming.source_domain}"),
        cohorts={
            "default": CohortPlan(LICENCE, usage_location="FR"),
            "staff": CohortPlan(STAFF_LICENCE, usage_location="FR"),
        },
        survey=SurveyPlan(message_size_max_bytes=world.weather.migration_message_max_bytes),
        mail_flow=MailFlowPlan(
            postfix_hosts=POSTFIX_HOSTS,
            tls=ConnectorTls.NONE,
            rule=names.rule_name,
            outbound_connector=names.connector_name,
            stamp_header=STAMP_NAME,
            stamp_value=STAMP_VALUE,
        ),
        notices=NoticePlan(NOTICE_SUBJECT, "Your address, {address}, stays the same."),
    )


def batch_csv(
    people: Iterable[Person], columns: Mapping[str, Mapping[str, str]] | None = None
) -> bytes:
    """A batch file of these people; `columns` are further cells, {address: {column: text}}."""
    further = columns or {}
    text = io.StringIO()
    names = [name for name in COLUMNS if _is_asked(name, further)]
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    for person in people:
        row = {
            "EmailAddress": person.address,
            "UserName": person.user_name,
            "Password": person.password,
        }
        writer.writerow({**row, **further.get(person.address, {})})
    return text.getvalue().encode()


def _is_asked(column: str, further: Mapping[str, Mapping[str, str]]) -> bool:
    required = {"EmailAddress", "UserName", "Password"}
    return column in required or any(column in cells for cells in further.values())
