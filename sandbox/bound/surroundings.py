"""The surroundings port, on the world."""

from datetime import timedelta

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable, Untrusted
from bascule.domain.readiness import SourceEntrance, TokenRoles
from sandbox.bound.exchange_call import APP_ROLE
from sandbox.faces.exchange_catalogue import CMDLETS
from sandbox.world.world import World

# What Dovecot says before a login.
CAPABILITIES = ("IMAP4rev1", "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "AUTH=PLAIN")
CERTIFICATE_LEFT = timedelta(days=80)


class WorldSurroundings:
    """Implements `bascule.ports.surroundings.Surroundings`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.certificate_left = CERTIFICATE_LEFT
        self.skew_s = 0.0
        self.is_listening = True

    def token_roles(self) -> TokenRoles:
        """What the registered app was granted."""
        held = frozenset(self._world.tenant.app.roles)
        return TokenRoles(held - {APP_ROLE}, held & {APP_ROLE})

    def permitted_cmdlets(self) -> frozenset[str]:
        """Those of the management roles the app holds."""
        if APP_ROLE not in self._world.tenant.app.roles:
            raise Refusal(Code.PERMISSION_MISSING, "list the cmdlets: HTTP 403")
        held = self._world.tenant.exchange_roles
        return frozenset(name for name, found in CMDLETS.items() if found.roles & held)

    def clock_skew_s(self) -> float:
        """One clock, unless a test says otherwise."""
        return self.skew_s

    def source_entrance(self) -> SourceEntrance:
        """A Dovecot with a certificate that is verified before anything is said."""
        if not self.is_listening:
            raise Unreachable("the source: connection refused")
        if self.certificate_left <= timedelta(0):
            raise Untrusted("the source: certificate has expired")
        return SourceEntrance(self._world.kernel.now_utc() + self.certificate_left, CAPABILITIES)
