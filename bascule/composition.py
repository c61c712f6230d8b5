"""Which adapter stands behind which port, and where its settings come from; the only place that decides it.

Importing this module loads no vendor library: each adapter is imported when a step first asks for its port, because a
cold start that loads them all takes seconds and most calls need two or three.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.plan import Plan
from bascule.settings import Settings, settings

# ruff: noqa: PLC0415  imports stand where they are needed, see above

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from bascule.adapters.exchange_online.gateway import ExchangeGateway
    from bascule.adapters.graph.client import GraphClient
    from bascule.adapters.secrets.key_wrap import KeyWrap
    from bascule.adapters.table_store.tables import Tables
    from bascule.ports.alias_map import AliasMap
    from bascule.ports.blob_store import BlobStore
    from bascule.ports.boards import Boards
    from bascule.ports.bundle import Ports
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

T = TypeVar("T")
DRIVER_SQLITE = "sqlite"


class RealPorts:
    """The ports of one app; each is made once, when it is first asked for, whichever thread asks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, object] = {}
        # Reentrant: making one port asks for others.
        self._lock = threading.RLock()

    @property
    def plan(self) -> Plan:
        """The operator's plan, read once. Raises PlanInvalid with every mistake in it."""
        return self._once("plan", self._read_plan)

    @property
    def clock(self) -> "Clock":
        return self._once("clock", self._make_clock)

    @property
    def directory(self) -> "Directory":
        from bascule.adapters.graph.directory import GraphDirectory

        return self._once("directory", lambda: GraphDirectory(self._graph))

    @property
    def domains(self) -> "Domains":
        from bascule.adapters.graph.domains import GraphDomains

        return self._once("domains", lambda: GraphDomains(self._graph))

    @property
    def exchange(self) -> "Exchange":
        return self._once("exchange", self._make_exchange)

    @property
    def recipients(self) -> "Recipients":
        from bascule.adapters.exchange_online.recipients import ExchangeRecipients
        from bascule.adapters.graph.memberships import GraphMemberships

        return self._once(
            "recipients",
            lambda: ExchangeRecipients(self._exchange_gateway, GraphMemberships(self._graph)),
        )

    @property
    def mail_flow(self) -> "MailFlow":
        from bascule.adapters.exchange_online.mail_flow import ExchangeMailFlow

        return self._once("mail_flow", lambda: ExchangeMailFlow(self._exchange_gateway))

    @property
    def cloud_mail(self) -> "CloudMail":
        from bascule.adapters.graph.cloud_mail import GraphCloudMail

        return self._once("cloud_mail", lambda: GraphCloudMail(self._graph))

    @property
    def notifier(self) -> "Notifier":
        from bascule.adapters.graph.notifier import MailNotifier

        return self._once("notifier", lambda: MailNotifier(self.cloud_mail, self.plan.tenant))

    @property
    def alias_map(self) -> "AliasMap":
        return self._once("alias_map", self._make_alias_map)

    @property
    def source_mail(self) -> "SourceMail":
        from bascule.adapters.imap.connection import ImapSourceMail

        return self._once("source_mail", lambda: ImapSourceMail(self.plan.source))

    @property
    def source_submission(self) -> "SourceSubmission":
        from bascule.adapters.source_submission import SmtpSubmission

        plan = self.plan.submission
        return self._once("source_submission", lambda: SmtpSubmission(plan, self.clock))

    @property
    def public_dns(self) -> "PublicDns":
        from bascule.adapters.public_dns import DnsPythonPublicDns

        return self._once("public_dns", lambda: DnsPythonPublicDns(self.plan.dns))

    @property
    def surroundings(self) -> "Surroundings":
        from bascule.adapters.surroundings import MicrosoftSurroundings

        said = self._settings
        return self._once(
            "surroundings",
            lambda: MicrosoftSurroundings(self._credential, self.plan, base_url=said.exchange_url),
        )

    @property
    def ledger(self) -> "Ledger":
        from bascule.adapters.table_store.ledger import TableLedger

        return self._once("ledger", lambda: TableLedger(self._tables))

    @property
    def journal(self) -> "Journal":
        from bascule.adapters.table_store.journal import TableJournal

        return self._once("journal", lambda: TableJournal(self._tables))

    @property
    def boards(self) -> "Boards":
        from bascule.adapters.table_store.boards import TableBoards

        return self._once("boards", lambda: TableBoards(self._tables))

    @property
    def documents(self) -> "Documents":
        from bascule.adapters.table_store.documents import TableDocuments

        return self._once("documents", lambda: TableDocuments(self._tables))

    @property
    def secrets(self) -> "Secrets":
        return self._once("secrets", self._make_secrets)

    @property
    def blobs(self) -> "BlobStore":
        return self._once("blobs", self._make_blobs)

    def close(self) -> None:
        """Let go of every connection that was opened; for tests and commands, an app lives on."""
        with self._lock:
            for made in reversed(self._made.values()):
                close = getattr(made, "close", None)
                if close is not None:
                    close()
            self._made.clear()

    @property
    def _graph(self) -> "GraphClient":
        from bascule.adapters.graph.client import GraphClient

        said = self._settings
        return self._once("graph", lambda: GraphClient(self._credential, base_url=said.graph_url))

    @property
    def _exchange_gateway(self) -> "ExchangeGateway":
        from bascule.adapters.exchange_online.gateway import ExchangeGateway

        tenant_id, base_url = self.plan.tenant.tenant_id, self._settings.exchange_url
        return self._once(
            "exchange_gateway",
            lambda: ExchangeGateway(self._credential, tenant_id, base_url=base_url),
        )

    @property
    def _tables(self) -> "Tables":
        return self._once("tables", self._make_tables)

    @property
    def _credential(self) -> "TokenCredential":
        return self._once("credential", self._make_credential)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return cast("T", self._made[name])

    def _read_plan(self) -> Plan:
        from bascule.domain.plan_file import PlanInvalid, PlanMistake, read_plan

        try:
            text = self._settings.plan_path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise PlanInvalid((PlanMistake("plan", "is not UTF-8", "Save it as UTF-8"),)) from None
        return read_plan(text)

    def _make_clock(self) -> "Clock":
        from bascule.adapters.clock import ScaledClock, SystemClock

        anchors = self._settings.clock
        if anchors is None:
            return SystemClock()
        return ScaledClock(anchors.anchor_real_utc, anchors.anchor_virtual_utc, anchors.factor)

    def _make_exchange(self) -> "Exchange":
        from bascule.adapters.exchange_online.exchange import ExchangeOnline

        return ExchangeOnline(self._exchange_gateway, self.plan.tenant)

    def _make_alias_map(self) -> "AliasMap":
        plan = self.plan.alias_map
        if plan.driver == DRIVER_SQLITE:
            from bascule.adapters.alias_tables.sqlite import SqliteAliasMap

            return SqliteAliasMap(plan)
        if not self._settings.alias_map_password:
            raise Refusal(Code.ALIAS_MAP_REFUSED, "BASCULE_ALIAS_MAP_PASSWORD is not set")
        from bascule.adapters.alias_tables.mysql import MysqlAliasMap

        return MysqlAliasMap(plan, self._settings.alias_map_password)

    def _make_secrets(self) -> "Secrets":
        from bascule.adapters.secrets.data_keys import DataKeys
        from bascule.adapters.secrets.envelope import SealedSecrets
        from bascule.adapters.secrets.master import MasterPassword

        wrap = self._once("key_wrap", self._make_key_wrap)
        sealed = SealedSecrets(self._tables, DataKeys(self._tables, wrap))
        if not self.plan.source.master_user:
            return sealed
        return MasterPassword(sealed, self._settings.source_master_password)

    def _make_key_wrap(self) -> "KeyWrap":
        said = self._settings
        if said.is_key_vault_key:
            from bascule.adapters.secrets.key_vault import KeyVaultWrap

            return KeyVaultWrap.from_identity(said.key, self._credential)
        from bascule.adapters.secrets.key_file import KeyFileWrap

        return KeyFileWrap(said.key_path)

    def _make_tables(self) -> "Tables":
        from bascule.adapters.table_store.tables import Tables

        said = self._settings
        if said.storage:
            return Tables.from_connection_string(said.storage, said.table_prefix)
        return Tables.from_account(said.storage_account, self._credential, said.table_prefix)

    def _make_blobs(self) -> "BlobStore":
        from bascule.adapters.blob_store import AzureBlobStore

        said = self._settings
        if said.storage:
            return AzureBlobStore.from_connection_string(said.storage)
        return AzureBlobStore.from_account(said.storage_account, self._credential)

    def _make_credential(self) -> "TokenCredential":
        from bascule.adapters.credential import LoopbackCredential, azure_credential

        said = self._settings
        if said.token_url:
            return LoopbackCredential(said.token_url, said.client_id, said.client_secret)
        return azure_credential(said.managed_identity_client_id)


_lock = threading.Lock()
_ports: list[RealPorts] = []


def ports() -> "Ports":
    """The ports of this process, made at the first call.

    Raises:
        SettingsInvalid: with every hole in the environment; the next call looks again.
    """
    with _lock:
        if not _ports:
            _ports.append(RealPorts(settings()))
        return _ports[0]
