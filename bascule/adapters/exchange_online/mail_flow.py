"""The mail flow port over the admin gateway.

A Get- cmdlet whose identity does not exist may answer with every object there is, so each answer is checked to be
about what was asked. Source: Microsoft Learn, the reference pages that `mail_flow_words` names, "Enable-TransportRule",
"Test-MigrationServerAvailability".
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from bascule.adapters.exchange_online.encoding import Row
from bascule.adapters.exchange_online.errors import CmdletRefused, Kind
from bascule.adapters.exchange_online.mail_flow_words import (
    WORDS,
    endpoint_settings,
    to_correct,
    to_create,
)
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal, Unreachable
from bascule.domain.tenant import AcceptedDomain, MigrationEndpoint, RoutingRule, TenantObject

# An object that another server has just made is on its way to this one; seconds to minutes.
REPLICATION_WAIT_S = 60.0
# A domain proved in the directory is known to Exchange minutes later.
DOMAIN_WAIT_S = 300.0

T = TypeVar("T", bound=TenantObject)


class Cmdlets(Protocol):
    """Runs cmdlets; the gateway is one."""

    def run(self, cmdlet: str, parameters: Mapping[str, Any]) -> tuple[Row, ...]:
        """Every row a cmdlet answers."""
        ...


class ExchangeMailFlow:
    """Implements `bascule.ports.mail_flow.MailFlow` for one tenant."""

    def __init__(self, cmdlets: Cmdlets) -> None:
        self._cmdlets = cmdlets

    def find(self, kind: type[T], name: str) -> T | None:
        """Get-. An answer about something else counts as none."""
        words = WORDS[kind]
        for row in self._rows(f"Get-{words.noun}", {"Identity": _named(name)}):
            found = words.read(row)
            if found.name.lower() == name.strip().lower() and isinstance(found, kind):
                return found
        return None

    def create(self, wanted: TenantObject) -> None:
        """New-; a name that is taken by something not to be seen yet will be seen."""
        words = WORDS[type(wanted)]
        parameters = to_create(words, wanted)
        if parameters is None:
            raise NotYet(DOMAIN_WAIT_S, f"{wanted.name} is not known to Exchange yet")
        try:
            self._cmdlets.run(f"New-{words.noun}", parameters)
        except CmdletRefused as no:
            if no.kind is not Kind.NAME_TAKEN:
                raise
            raise NotYet(
                REPLICATION_WAIT_S,
                f"{wanted.name} is taken: by what is not seen yet, or by something else",
            ) from None

    def correct(self, wanted: T, found: T) -> None:
        """Set-, and for a rule Enable- or Disable-, which Set- cannot do."""
        words = WORDS[type(wanted)]
        parameters = {"Identity": _named(wanted.name), **to_correct(words, wanted, found)}
        self._write(f"Set-{words.noun}", parameters)
        if isinstance(wanted, RoutingRule) and isinstance(found, RoutingRule):
            if wanted.is_enabled is found.is_enabled:
                return
            verb = "Enable" if wanted.is_enabled else "Disable"
            self._write(f"{verb}-TransportRule", {"Identity": wanted.name, "Confirm": False})

    def remove(self, kind: type[TenantObject], name: str) -> None:
        """Remove-."""
        if kind is AcceptedDomain:
            raise ValueError("an accepted domain goes with the domain")
        words = WORDS[kind]
        parameters = {"Identity": _named(name), "Confirm": False, **dict(words.on_write)}
        self._rows(f"Remove-{words.noun}", parameters)

    def test_endpoint(self, endpoint: MigrationEndpoint) -> str:
        """Test-MigrationServerAvailability, with the endpoint's own figures."""
        cmdlet = "Test-MigrationServerAvailability"
        rows = self._cmdlets.run(cmdlet, {"IMAP": True, **endpoint_settings(endpoint)})
        if not rows or not rows[0].get("Result"):
            raise Unreachable(f"{cmdlet}: an answer without a result")
        row = rows[0]
        if str(row["Result"]).lower() == "success":
            return ""
        return str(row.get("Message") or row.get("ErrorDetail") or row["Result"])

    def _rows(self, cmdlet: str, parameters: dict[str, Any]) -> tuple[Row, ...]:
        """The rows of a cmdlet; none when the object is not there."""
        try:
            return self._cmdlets.run(cmdlet, parameters)
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                return ()
            raise

    def _write(self, cmdlet: str, parameters: dict[str, Any]) -> None:
        try:
            self._cmdlets.run(cmdlet, parameters)
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                raise NotYet(REPLICATION_WAIT_S, f"{cmdlet}: not known there yet") from None
            if no.kind is Kind.NOT_ACCEPTED_DOMAIN:
                raise Refusal(Code.REQUEST_REJECTED, str(no)) from None
            raise


def _named(identity: str) -> str:
    """Refuse an empty identity, which Get- cmdlets take for "all"."""
    if not identity.strip():
        raise ValueError("an empty identity would mean every object of the tenant")
    return identity.strip()
