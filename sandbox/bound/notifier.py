"""Notices and alerts as the tenant's own mail, and a memory of them."""

from bascule.domain.plan import TenantPlan
from bascule.ports.cloud_mail import CloudMail


class WorldNotifier:
    """Implements `bascule.ports.notifier.Notifier`."""

    def __init__(self, mail: CloudMail, tenant: TenantPlan) -> None:
        self.alerts: list[tuple[str, str]] = []
        """(subject, text) of every alert: what production writes to its log."""
        self._mail = mail
        self._tenant = tenant

    def tell_user(self, address: str, subject: str, text: str) -> None:
        """Mail from the plan's probe sender."""
        self._mail.send(self._tenant.probe_sender, address, subject, text)

    def alert(self, subject: str, text: str) -> None:
        """Remembered first: it must be there when mail is what fails."""
        self.alerts.append((subject, text))
        if self._tenant.report_mailbox:
            self._mail.send(self._tenant.probe_sender, self._tenant.report_mailbox, subject, text)
