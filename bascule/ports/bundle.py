"""All ports together, as a step receives them."""

from typing import Protocol

from bascule.domain.plan import Plan
from bascule.ports.alias_map import AliasMap
from bascule.ports.blob_store import BlobStore
from bascule.ports.boards import Boards
from bascule.ports.clock import Clock
from bascule.ports.cloud_mail import CloudMail
from bascule.ports.directory import Directory
from bascule.ports.documents import Documents
from bascule.ports.domains import Domains
from bascule.ports.exchange import Exchange
from bascule.ports.ledger import Journal, Ledger
from bascule.ports.mail_flow import MailFlow
from bascule.ports.notifier import Notifier
from bascule.ports.public_dns import PublicDns
from bascule.ports.recipients import Recipients
from bascule.ports.secrets import Secrets
from bascule.ports.source_mail import SourceMail
from bascule.ports.source_submission import SourceSubmission
from bascule.ports.surroundings import Surroundings


class Ports(Protocol):
    """What a step may touch. Each attribute is made when it is first asked for, because vendor libraries load slowly."""

    @property
    def plan(self) -> Plan: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def exchange(self) -> Exchange: ...
    @property
    def recipients(self) -> Recipients: ...
    @property
    def mail_flow(self) -> MailFlow: ...
    @property
    def cloud_mail(self) -> CloudMail: ...
    @property
    def alias_map(self) -> AliasMap: ...
    @property
    def source_mail(self) -> SourceMail: ...
    @property
    def source_submission(self) -> SourceSubmission: ...
    @property
    def public_dns(self) -> PublicDns: ...
    @property
    def surroundings(self) -> Surroundings: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def boards(self) -> Boards: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def blobs(self) -> BlobStore: ...
    @property
    def notifier(self) -> Notifier: ...
