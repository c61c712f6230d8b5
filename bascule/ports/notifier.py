"""Telling people."""

from typing import Protocol

# Begins the log's line of every alert; the alert rule `bascule-alerts` in infra/modules/alerts.bicep looks for it.
ALERT_MARK = "alert of Bascule"


class Notifier(Protocol):
    """Messages to users and to the operator. Every method may raise Unreachable, Throttled, Refusal."""

    def tell_user(self, address: str, subject: str, text: str) -> None:
        """Send a notice to a migrated user."""
        ...

    def alert(self, subject: str, text: str) -> None:
        """Tell the operator: to the log always, to the report mailbox when the plan names one."""
        ...
