"""Notices by mail, sent from inside the tenant, and alerts that the log has in any case."""

import logging

from bascule.domain.plan import TenantPlan
from bascule.ports.cloud_mail import CloudMail
from bascule.ports.notifier import ALERT_MARK

_log = logging.getLogger(__name__)


class MailNotifier:
    """Implements `bascule.ports.notifier.Notifier` over the tenant's own mail."""

    def __init__(self, mail: CloudMail, tenant: TenantPlan) -> None:
        self._mail = mail
        self._tenant = tenant

    def tell_user(self, address: str, subject: str, text: str) -> None:
        """Mail from the plan's probe sender."""
        self._mail.send(self._tenant.probe_sender, address, subject, text)

    def alert(self, subject: str, text: str) -> None:
        """A warning in the log first: it must be there when mail is what fails."""
        _log.warning("%s: %s: %s", ALERT_MARK, subject, text)
        if self._tenant.report_mailbox:
            self._mail.send(self._tenant.probe_sender, self._tenant.report_mailbox, subject, text)
