"""The domain of a small town on real DNS servers, before, on the way to, and after its move to the tenant."""

from dataclasses import dataclass, replace
from typing import Any, cast

from activities.dns_looks import look_at
from bascule.adapters.public_dns import DnsPythonPublicDns
from bascule.domain.dns_findings import Finding, FindingKind, SpfAim, findings
from bascule.domain.dns_look import DomainLook
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.tenant_domains import DomainRecord, RecordKind
from sandbox.servers.nsd import Nsd

SENDERS = ("203.0.113.25", "203.0.113.26")
TENANT_MX = "example-org.mail.protection.outlook.com"
WANTED = (
    DomainRecord(RecordKind.MX, "example.org", TENANT_MX, 3600),
    DomainRecord(
        RecordKind.TXT, "example.org", "v=spf1 include:spf.protection.outlook.com -all", 3600
    ),
    DomainRecord(RecordKind.CNAME, "autodiscover.example.org", "autodiscover.outlook.com", 3600),
)
# The last record stands for the tenant's servers, in a zone that is not the town's.
OUTLOOK = 'spf.protection IN TXT "v=spf1 ip4:198.51.100.0/24 -all"'


@dataclass(frozen=True)
class Zone:
    """The town's zone; every part can be spoilt by itself."""

    mx: tuple[str, ...] = (f"0 {TENANT_MX}.",)
    spf: tuple[str, ...] = (
        "v=spf1 ip4:203.0.113.25 ip4:203.0.113.26 include:spf.protection.outlook.com -all",
    )
    autodiscover: str = "autodiscover.outlook.com."
    ttl_s: int = 300
    more: str = ""

    def text(self) -> str:
        """The zone's records as a zone file."""
        lines = ["@ IN NS ns1.example.net.", "@ IN NS ns2.example.net."]
        lines += [f"@ {self.ttl_s} IN MX {each}" for each in self.mx]
        lines += [f'@ {self.ttl_s} IN TXT "{each}"' for each in self.spf]
        lines += [f"autodiscover {self.ttl_s} IN CNAME {self.autodiscover}"] * bool(
            self.autodiscover
        )
        return "\n".join([*lines, self.more])


DONE = Zone()
BEFORE = Zone(
    mx=("10 mx1.example.org.", "20 mx2.example.org."),
    spf=("v=spf1 ip4:203.0.113.25 ip4:203.0.113.26 -all",),
    autodiscover="",
    ttl_s=86_400,
)


class Town:
    """Two real servers, of which the first is the resolver too, and the look that the product takes at them."""

    def __init__(self, servers: tuple[Nsd, Nsd], plan: DnsPlan | None = None) -> None:
        self.servers = servers
        names = (str(servers[0]), str(servers[1]))
        self.plan = plan or DnsPlan(resolvers=names[:1], authorities=names, source_senders=SENDERS)
        self.ports = cast("Any", _Ports(self.plan, DnsPythonPublicDns(self.plan)))

    def publish(self, first: Zone, second: Zone | None = None) -> None:
        """Serve the zone; the second server may be behind."""
        self.servers[0].publish({"example.org": first.text(), "outlook.com": OUTLOOK})
        self.servers[1].publish({"example.org": (second or first).text()})

    def look(self) -> DomainLook:
        """What the product sees."""
        return look_at(self.ports, "example.org")

    def found(self, aim: SpfAim = SpfAim.BOTH) -> dict[FindingKind, Finding]:
        """What is wrong, by kind."""
        return {each.kind: each for each in findings(self.look(), aim)}


@dataclass(frozen=True)
class _PlanOfDns:
    dns: DnsPlan


class _Ports:
    """The two ports that a look needs, and the plan."""

    def __init__(self, plan: DnsPlan, public_dns: DnsPythonPublicDns) -> None:
        self.plan = _PlanOfDns(plan)
        self.public_dns = public_dns
        self.domains = self

    def service_records(self, name: str) -> tuple[DomainRecord, ...]:
        """What the tenant asks for."""
        return tuple(replace(each) for each in WANTED if each.name.endswith(name))
