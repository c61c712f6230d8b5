"""The names of one simulated organisation: its public domain, the source's own and the tenant's own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Naming:
    """Three domains that one person's mail passes through."""

    domain: str = "example.org"
    source_domain: str = "ca.example.org"
    initial_domain: str = "exampleorg.onmicrosoft.com"

    def source_address(self, address: str) -> str:
        """Where Postfix delivers locally: `local@ca.example.org`."""
        return f"{local_part(address)}@{self.source_domain}"

    def routing_address(self, address: str) -> str:
        """Where mail for the tenant goes by name: `local@exampleorg.onmicrosoft.com`."""
        return f"{local_part(address)}@{self.initial_domain}"

    def public_address(self, address: str) -> str:
        """The address people write to, whichever of the three is given: `local@example.org`."""
        own = {self.domain, self.source_domain, self.initial_domain}
        lowered = address.lower()
        return f"{local_part(lowered)}@{self.domain}" if domain_of(lowered) in own else lowered


def local_part(address: str) -> str:
    """What stands before the last `@`."""
    return address.rpartition("@")[0]


def domain_of(address: str) -> str:
    """What stands after the last `@`, in lower case."""
    return address.rpartition("@")[2].lower()
