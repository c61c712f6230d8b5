"""The domains of the tenant: added, proved through DNS, then usable in names and addresses.

Source: Microsoft Graph "domain resource type", "Create domain", "domain: verify", "List verificationDnsRecords".
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sandbox.world import directory_errors as no

MAIL_SERVICE = "Email"
SERVICES_SETTABLE = frozenset({"Email", "OfficeCommunicationsOnline", "Yammer"})


@dataclass(frozen=True)
class Domain:
    """One domain name of the tenant."""

    name: str
    is_verified: bool = False
    is_default: bool = False
    is_initial: bool = False
    authentication_type: str = "Managed"
    supported_services: tuple[str, ...] = ()


@dataclass
class Domains:
    """All domains by name, and what public DNS says about them.

    `public_txt` is the little of public DNS that proves ownership: name to its TXT strings.
    """

    initial_domain: str
    public_txt: dict[str, set[str]] = field(default_factory=dict)
    takes_mail: Callable[[str], None] = lambda _: None
    """Told of each proved domain that mail is set up for: Exchange then accepts mail for it."""
    _by_name: dict[str, Domain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name[self.initial_domain] = Domain(
            self.initial_domain,
            is_verified=True,
            is_default=True,
            is_initial=True,
            supported_services=("Email", "OfficeCommunicationsOnline"),
        )

    def add_verified(self, name: str, authentication_type: str = "Managed") -> None:
        """A domain that was set up before the story begins."""
        self._by_name[name] = Domain(
            name,
            is_verified=True,
            authentication_type=authentication_type,
            supported_services=("Email",),
        )

    def all(self) -> list[Domain]:
        """Every domain, in the order they were added."""
        return list(self._by_name.values())

    def get(self, name: str) -> Domain:
        """One domain.

        Raises:
            DirectoryRefused: not a domain of this tenant.
        """
        found = self._by_name.get(name.lower())
        if found is None:
            raise no.missing(name)
        return found

    def add(self, name: str) -> Domain:
        """Add an unproved domain; a subdomain of a proved one needs no proof."""
        key = name.lower()
        if key in self._by_name:
            raise no.taken("id")
        parent = key.partition(".")[2]
        proved = parent in self._by_name and self._by_name[parent].is_verified
        self._by_name[key] = Domain(key, is_verified=proved)
        return self._by_name[key]

    def verification_text(self, name: str) -> str:
        """The TXT string that proves ownership; always the same for one domain of one tenant."""
        digest = hashlib.sha256(f"{self.initial_domain}/{name.lower()}".encode()).hexdigest()
        return f"MS=ms{int(digest[:12], 16) % 10**8:08d}"

    def publish(self, name: str, text: str) -> None:
        """Put a TXT string into public DNS, as the owner of the domain does."""
        self.public_txt.setdefault(name.lower(), set()).add(text)

    def verify(self, name: str) -> Domain:
        """Check the proof in public DNS.

        Raises:
            DirectoryRefused: the record is not visible.
        """
        domain = self.get(name)
        if not domain.is_verified:
            if self.verification_text(name) not in self.public_txt.get(domain.name, set()):
                raise no.dns_not_visible(domain.name)
            self._by_name[domain.name] = replace(domain, is_verified=True)
        return self._by_name[domain.name]

    def set_services(self, name: str, services: tuple[str, ...]) -> None:
        """Say which services use the domain."""
        domain = self.get(name)
        if not domain.is_verified or not set(services) <= SERVICES_SETTABLE:
            raise no.invalid_values()
        self._by_name[domain.name] = replace(domain, supported_services=services)
        if MAIL_SERVICE in services:
            self.takes_mail(domain.name)

    def is_accepted(self, name: str) -> bool:
        """Whether addresses of this domain may be given to mailboxes."""
        domain = self._by_name.get(name.lower())
        return domain is not None and domain.is_verified
