"""Tell the operator something."""

from bascule.domain.requests import Alert
from bascule.ports.bundle import Ports


def alert_operator(ports: Ports, alert: Alert) -> bool:
    """To the log, and to the report mailbox when the plan names one."""
    ports.notifier.alert(alert.subject, alert.text)
    return True
