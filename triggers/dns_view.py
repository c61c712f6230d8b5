"""How public DNS looks over HTTP: what must change, what is wrong, and what every server shows."""

from typing import Any

from bascule.domain.codec import encode
from bascule.domain.dns_difference import zone_difference
from bascule.domain.dns_findings import Finding, SpfAim, findings, high_ttls
from bascule.domain.dns_look import DomainLook, key_of, wanted_value
from bascule.domain.dns_records import Answer, DnsRecord
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.tenant_domains import DomainRecord

EXPLANATIONS = "docs/how-to/dns-findings.md"


def look_view(look: DomainLook, plan: DnsPlan, aim: SpfAim) -> dict[str, Any]:
    """One domain as it is now, held against what the tenant asks for."""
    return {
        "domain": look.domain,
        "wanted": [line_of(record) for record in look.wanted],
        "difference": list(zone_difference(look, aim, plan.source_senders, plan.ttl_s_max)),
        "findings": [finding_view(each) for each in findings(look, aim)],
        "high_ttls": [finding_view(each) for each in high_ttls(look, plan.ttl_s_max)],
        "servers": [encode(server) for server in look.servers],
        "answers": [_answer_view(answer) for answer in look.answers],
    }


def line_of(record: DomainRecord) -> str:
    """A record that the tenant asks for, as a line of a zone file."""
    name, kind = key_of(record)
    return DnsRecord(name, kind, wanted_value(record), record.ttl_s).in_zone_file()


def finding_view(finding: Finding) -> dict[str, Any]:
    """One finding, with where it is explained."""
    return {
        "kind": finding.kind.value,
        "name": finding.name,
        "detail": finding.detail,
        "servers": list(finding.servers),
        "blocking": finding.is_blocking,
        "explained": f"{EXPLANATIONS}#{finding.kind.value}",
    }


def _answer_view(answer: Answer) -> dict[str, Any]:
    return {
        "server": answer.server.name,
        "name": answer.name,
        "kind": answer.kind.value,
        "outcome": answer.outcome.value,
        "alias": answer.alias,
        "records": [{"value": each.value, "ttl_s": each.ttl_s} for each in answer.records],
    }
