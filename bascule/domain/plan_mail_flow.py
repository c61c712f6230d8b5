"""Plan sections `[mail_flow]` and `[intake]`: what the tenant is prepared with, and what was asked before the project.

The keys and what is sensible for each; `plan_checks` calls the checks, `plan_agreement` the one between keys.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from bascule.domain.plan_shape import PlanMistake, Values

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

# New-DistributionGroup, New-TransportRule, New-OutboundConnector: names of at most 64 characters.
NAME_LENGTH_MAX = 64
# Exchange Online takes networks of an inbound connector from /24 to /32.
IPV4_PREFIX_MIN = 24

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_CERTIFICATE_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})+")
# RFC 5322 3.6.8: printable ASCII but the colon; we keep to what every server passes on.
_HEADER = re.compile(r"X-[A-Za-z0-9-]{1,60}")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,60}")


class ConnectorTls(StrEnum):
    """What the tenant asks of Postfix's certificate before it hands mail over."""

    NONE = "none"
    ENCRYPTION = "encryption"
    """Encrypted, whatever the certificate."""
    CERTIFICATE = "certificate"
    """A certificate of a public authority."""
    DOMAIN = "domain"
    """And made out to `tls_domain`."""


class Provisioning(StrEnum):
    """How the users come into the directory."""

    BASCULE = "bascule"
    """Created by this product."""
    SYNCHRONISED = "synchronised"
    """From a directory on site."""
    BY_HAND = "by_hand"
    """Created by the school before the migration."""


@dataclass(frozen=True)
class MailFlowPlan:
    """What preparation makes in the tenant."""

    postfix_hosts: tuple[str, ...] = ()
    """Every Postfix server the tenant may hand mail to, by its public name; empty: nothing can be prepared."""
    tls: ConnectorTls = ConnectorTls.CERTIFICATE
    tls_domain: str = ""
    """Name or `*.name` on Postfix's certificate, for `domain`."""
    rule: str = "Bascule: not migrated to Postfix"
    outbound_connector: str = "Bascule: to Postfix"
    inbound_connector: str = "Bascule: from Postfix"
    stamp_header: str = "X-Bascule-Routed"
    """The rule stamps what it routes, and leaves stamped mail alone."""
    stamp_value: str = "1"
    inbound_ips: tuple[str, ...] = ()
    """Addresses or networks from which Postfix delivers; so its mail is the tenant's own."""
    inbound_certificate: str = ""
    """Or the name on the certificate that Postfix shows when it delivers."""
    endpoint_host: str = ""
    """Dovecot's public name for Exchange Online; empty: `source.host`."""
    endpoint_port: int = 0
    """0: `source.port`."""
    migrations_max: int = 20
    """Mailboxes that Exchange copies at once; it takes so many connections to Dovecot."""
    deltas_max: int = 10

    @property
    def has_inbound(self) -> bool:
        """Whether Postfix's mail can be told from anybody's."""
        return bool(self.inbound_ips or self.inbound_certificate)


@dataclass(frozen=True)
class IntakePlan:
    """The questionnaire from before the project; each answer is held against the tenant where it can be."""

    domains: tuple[str, ...] = ()
    """Every domain the school uses, those that do not move included."""
    language: str = ""
    """Of the tenant's users, such as `fr-FR`."""
    wished_date: str = ""
    """When the school wants to be migrated, such as `2026-12-19`."""
    partner: str = ""
    """Who else has a hand in the tenant."""
    single_sign_on: bool = False
    provisioning: Provisioning = Provisioning.BASCULE
    passwords_resettable: bool = True
    """Whether users' passwords may be reset."""
    passwords_handed_out: str = ""
    """How new ones reach the users, in a sentence."""


def hosts_problem(found: tuple[str, ...]) -> Problem:
    """Why a list of mail servers cannot be used."""
    for text in found:
        if not _HOST.fullmatch(text):
            return f"has {text!r}, which is no host", "Write host names or IP addresses"
    return _repeated(found)


def domains_problem(found: tuple[str, ...]) -> Problem:
    """Why a list of domains cannot be used."""
    for text in found:
        if "." not in text or text != text.lower() or not _HOST.fullmatch(text):
            return f"has {text!r}", "Write domains in lower case, such as example.org"
    return _repeated(found)


def networks_problem(found: tuple[str, ...]) -> Problem:
    """Why a list of addresses and networks cannot be used. Source: New-InboundConnector, SenderIPAddresses."""
    for text in found:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            return f"has {text!r}, which is no address or network", "Write such as 203.0.113.7"
        if network.version == 4 and network.prefixlen < IPV4_PREFIX_MIN:
            return f"has {text!r}, a network larger than /24", "Write /24 networks or single ones"
    return _repeated(found)


def object_name_problem(text: str) -> Problem:
    """Why a name of a rule or a connector cannot be used."""
    if 0 < len(text) <= NAME_LENGTH_MAX:
        return None
    return f"has {len(text)} characters", f"Write 1 to {NAME_LENGTH_MAX}"


def header_problem(text: str) -> Problem:
    """Why a header's name cannot be used."""
    if _HEADER.fullmatch(text):
        return None
    return f"is {text!r}", "Write a header of your own, such as X-Bascule-Routed"


def stamp_problem(text: str) -> Problem:
    """Why a header's value cannot be used."""
    return None if _WORD.fullmatch(text) else (f"is {text!r}", "Write one plain word")


def certificate_problem(text: str) -> Problem:
    """Why the name on a certificate cannot be used."""
    if _CERTIFICATE_NAME.fullmatch(text):
        return None
    return f"is {text!r}", "Write the name on the certificate, such as mail.example.org"


def date_problem(text: str) -> Problem:
    """Why a date cannot be used."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return f"is {text!r}", "Write year-month-day, such as 2026-12-19"
    return None


def check_mail_flow(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes between keys of `[mail_flow]`."""
    tls, domain = values.get("mail_flow.tls"), values.get("mail_flow.tls_domain")
    if tls is ConnectorTls.DOMAIN and domain == "":
        yield PlanMistake(
            "mail_flow.tls_domain", "is missing, and tls = domain needs it", "Add the name"
        )
    most, deltas = values.get("mail_flow.migrations_max"), values.get("mail_flow.deltas_max")
    if most is not None and deltas is not None and deltas > most:
        yield PlanMistake(
            "mail_flow.deltas_max",
            f"is more than mail_flow.migrations_max ({most})",
            "Exchange refuses such an endpoint: write less",
        )
    names = [values.get(f"mail_flow.{side}_connector") for side in ("outbound", "inbound")]
    if names[0] and names[0] == names[1]:
        yield PlanMistake(
            "mail_flow.inbound_connector", "has the outbound one's name", "Tell them apart"
        )


def _repeated(found: tuple[str, ...]) -> Problem:
    repeated = sorted({text for text in found if found.count(text) > 1})
    return (f"names {', '.join(repeated)} twice", "Name each once") if repeated else None


FORMS: Mapping[str, Callable[..., Problem]] = MappingProxyType(
    {
        "mail_flow.postfix_hosts": hosts_problem,
        "mail_flow.tls_domain": certificate_problem,
        "mail_flow.rule": object_name_problem,
        "mail_flow.outbound_connector": object_name_problem,
        "mail_flow.inbound_connector": object_name_problem,
        "mail_flow.stamp_header": header_problem,
        "mail_flow.stamp_value": stamp_problem,
        "mail_flow.inbound_ips": networks_problem,
        "mail_flow.inbound_certificate": certificate_problem,
        "intake.domains": domains_problem,
        "intake.wished_date": date_problem,
    }
)
"""What is checked of each key by itself, for `plan_checks`."""
