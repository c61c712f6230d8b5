"""What routes mail between the tenant and Postfix, and how Exchange reaches Dovecot."""

from typing import Protocol, TypeVar

from bascule.domain.tenant import MigrationEndpoint, TenantObject

T = TypeVar("T", bound=TenantObject)


class MailFlow(Protocol):
    """Objects of the tenant by kind and name: read, create, correct, remove.

    Every method may raise Unreachable, Throttled and Refusal(PERMISSION_MISSING | REQUEST_REJECTED). A read may miss a
    write of seconds ago. Nothing is sent twice; after Unreachable on a write the caller reads first.
    """

    def find(self, kind: type[T], name: str) -> T | None:
        """The object of that kind and name; None when there is none, or none to be seen yet."""
        ...

    def create(self, wanted: TenantObject) -> None:
        """Create the object with every setting that a creation takes; the others are corrected afterwards.

        Raises:
            NotYet: something of that name is there and not to be seen yet; an accepted domain, which appears by itself
                some time after its verification.
        """
        ...

    def correct(self, wanted: T, found: T) -> None:
        """Set every setting of an object that was found to be otherwise.

        Raises:
            NotYet: this server does not know the object yet.
        """
        ...

    def remove(self, kind: type[TenantObject], name: str) -> None:
        """Remove the object; gone already is success. An accepted domain is removed with the domain, not here."""
        ...

    def test_endpoint(self, endpoint: MigrationEndpoint) -> str:
        """Why Exchange cannot reach Dovecot as the endpoint describes it; empty when it can."""
        ...
