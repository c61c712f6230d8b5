"""What the app may do and reach, apart from doing it: for the readiness list alone."""

from typing import Protocol

from bascule.domain.readiness import SourceEntrance, TokenRoles


class Surroundings(Protocol):
    """Looks that change nothing. Every method may raise Unreachable, Throttled and Refusal(PERMISSION_MISSING)."""

    def token_roles(self) -> TokenRoles:
        """The permissions that the app's tokens for Graph and for Exchange carry now."""
        ...

    def permitted_cmdlets(self) -> frozenset[str]:
        """Names of the cmdlets this app may run, in lower case; says nothing of their parameters."""
        ...

    def clock_skew_s(self) -> float:
        """How far this machine's clock is ahead of the service's, in seconds."""
        ...

    def source_entrance(self) -> SourceEntrance:
        """How Dovecot answers, without any login.

        Raises:
            Unreachable: no connection.
            Untrusted: a certificate that does not verify.
        """
        ...
