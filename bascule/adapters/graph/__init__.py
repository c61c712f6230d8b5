"""Microsoft Graph behind three ports: the directory, cloud mail and the notifier. Importing it loads no SDK."""

from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.cloud_mail import GraphCloudMail
from bascule.adapters.graph.directory import GraphDirectory
from bascule.adapters.graph.notifier import MailNotifier

__all__ = ["GraphClient", "GraphCloudMail", "GraphDirectory", "MailNotifier"]
