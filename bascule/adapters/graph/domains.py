"""The domains port over Microsoft Graph.

Source: Microsoft Learn, "domain resource type", "Create domain", "domain: verify", "List verificationDnsRecords",
"List serviceConfigurationRecords", "domainDnsRecord resource type".
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.errors import REPLICATION_WAIT_S, GraphMissing, GraphRefused, Meaning
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal, Unreachable
from bascule.domain.tenant_domains import MANAGED, DomainRecord, RecordKind, TenantDomain

# A tenant has at most 5 000 domains, and a page some hundreds of them; more pages are a service repeating itself.
PAGE_COUNT_MAX = 100
# What a verification answers while DNS does not show the proof; anything else is a refusal.
_NO_PROOF = frozenset({Meaning.OTHER, Meaning.INVALID_VALUE})

Json = dict[str, Any]
Page = Callable[[str], Json]


class GraphDomains:
    """Implements `bascule.ports.domains.Domains`."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def all(self) -> tuple[TenantDomain, ...]:
        """GET /domains."""
        doing = "list the domains of the tenant"
        return tuple(_domain(entry) for entry in self._listed(doing, self._calls.domains))

    def find(self, name: str) -> TenantDomain | None:
        """GET /domains/{name}; only "resource not found" means that there is none."""
        wanted = _named(name)
        try:
            found = self._client.call(
                f"read the domain {wanted}", lambda graph: self._calls.domain(graph, wanted)
            )
        except GraphMissing as missing:
            if missing.meaning is Meaning.OBJECT_MISSING:
                return None
            raise
        domain = _domain(found)
        return domain if domain.name == wanted else None

    def add(self, name: str) -> TenantDomain:
        """POST /domains; a name that is taken is looked up: it may be ours already."""
        wanted, doing = _named(name), f"add the domain {name}"
        try:
            return _domain(
                self._client.call(doing, lambda graph: self._calls.new_domain(graph, wanted))
            )
        except GraphRefused as no:
            found = self.find(wanted) if no.meaning is Meaning.TAKEN else None
            if found is not None:
                return found
            raise Refusal(_code(no), no.detail) from no

    def verification_records(self, name: str) -> tuple[DomainRecord, ...]:
        """GET /domains/{name}/verificationDnsRecords."""
        wanted = _named(name)
        doing = f"read the records that prove {wanted}"
        return self._records(
            doing, lambda graph, link: self._calls.verification_records(graph, wanted, link)
        )

    def verify(self, name: str) -> bool:
        """POST /domains/{name}/verify; 400 while no record is found in DNS."""
        wanted = _named(name)
        try:
            answer = self._client.call(
                f"verify the domain {wanted}", lambda graph: self._calls.verify(graph, wanted)
            )
        except GraphRefused as no:
            if no.meaning in _NO_PROOF:
                return False
            raise
        return bool(answer.get("isVerified"))

    def set_services(self, name: str, services: tuple[str, ...]) -> None:
        """PATCH /domains/{name}."""
        wanted, listed = _named(name), list(services)
        self._client.call(
            f"set the services of {wanted}",
            lambda graph: self._calls.services(graph, wanted, listed),
        )

    def service_records(self, name: str) -> tuple[DomainRecord, ...]:
        """GET /domains/{name}/serviceConfigurationRecords."""
        wanted = _named(name)
        doing = f"read the records to publish for {wanted}"
        return self._records(
            doing, lambda graph, link: self._calls.service_records(graph, wanted, link)
        )

    @cached_property
    def _calls(self) -> Any:
        return _domain_calls()

    def _records(self, doing: str, ask: Callable[..., Any]) -> tuple[DomainRecord, ...]:
        try:
            entries = list(self._listed(doing, ask))
        except GraphMissing as missing:
            raise NotYet(REPLICATION_WAIT_S, str(missing)) from missing
        records = (_record(entry, doing) for entry in entries)
        return tuple(record for record in records if record is not None)

    def _listed(self, doing: str, ask: Callable[..., Any]) -> Iterator[Json]:
        link = ""
        for _ in range(PAGE_COUNT_MAX):
            page = self._page(doing, ask, link)
            yield from page["value"]
            link = str(page.get("@odata.nextLink") or "")
            if not link:
                return
            link = self._client.checked_link(link)
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: more than {PAGE_COUNT_MAX} pages")

    def _page(self, doing: str, ask: Callable[..., Any], link: str) -> Json:
        page: Json = self._client.call(doing, lambda graph: ask(graph, link))
        if "value" not in page:
            raise Unreachable(f"{doing}: an answer without value")
        return page


def _domain_calls() -> ModuleType:
    from bascule.adapters.graph import domain_calls  # noqa: PLC0415  loads the SDK

    return domain_calls


def _named(name: str) -> str:
    wanted = name.strip().strip(".").lower()
    if not wanted:
        raise ValueError("a domain without a name")
    return wanted


def _code(no: GraphRefused) -> Code:
    # The table's code for a taken value speaks of accounts.
    return Code.REQUEST_REJECTED if no.meaning is Meaning.TAKEN else no.code


def _domain(entry: Json) -> TenantDomain:
    if "id" not in entry:
        raise Unreachable("a domain without a name in the answer")
    return TenantDomain(
        name=str(entry["id"]).lower(),
        is_verified=bool(entry.get("isVerified")),
        is_default=bool(entry.get("isDefault")),
        is_initial=bool(entry.get("isInitial")),
        authentication=str(entry.get("authenticationType") or MANAGED),
        services=tuple(str(service) for service in entry.get("supportedServices") or ()),
    )


def _record(entry: Json, doing: str) -> DomainRecord | None:
    """A record, as we speak of it; None for one that asks for nothing in DNS."""
    kind = str(entry.get("recordType") or "").upper()
    if kind not in RecordKind.__members__:
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: a record of unknown kind {kind!r}")
    value = _value(RecordKind(kind), entry)
    if not value:
        return None
    return DomainRecord(
        kind=RecordKind(kind),
        name=_plain(entry.get("label")),
        value=value,
        ttl_s=int(entry.get("ttl") or 0),
        preference=int(entry.get("preference") or 0),
        priority=int(entry.get("priority") or 0),
        weight=int(entry.get("weight") or 0),
        port=int(entry.get("port") or 0),
        service=str(entry.get("supportedService") or ""),
        is_optional=bool(entry.get("isOptional")),
    )


def _value(kind: RecordKind, entry: Json) -> str:
    if kind is RecordKind.TXT:
        return str(entry.get("text") or "")
    targets = {
        RecordKind.CNAME: "canonicalName",
        RecordKind.MX: "mailExchange",
        RecordKind.SRV: "nameTarget",
    }
    return _plain(entry.get(targets[kind]))


def _plain(name: object) -> str:
    return str(name or "").strip().rstrip(".").lower()
