"""A small stand-in for the Exchange admin gateway: it remembers requests and plays answers in order."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bascule.adapters.exchange_online import ExchangeGateway, ExchangeOnline
from bascule.domain.plan import TenantPlan

TENANT_ID = "11111111-2222-3333-4444-555555555555"
GROUP = "utilisateurs.non.migres@contoso.onmicrosoft.com"
PLAN = TenantPlan(
    tenant_id=TENANT_ID,
    domains=("contoso.com",),
    routing_domain="contoso.onmicrosoft.com",
    coexistence_group=GROUP,
    migration_endpoint="imap-src",
    probe_sender="probe@contoso.com",
    report_mailbox="rapport-migration@contoso.com",
)
ANN = "ann@contoso.com"
GROUP_ROW = {"Identity": "non-migres", "PrimarySmtpAddress": GROUP}

USER = {
    "Identity": ANN,
    "EmailAddress": ANN,
    "BatchId": "pilot",
    "Status": "Synced",
    "SyncedItemCount": 1200,
    "SkippedItemCount": 2,
    "LastSuccessfulSyncTime": "2026-03-01T06:00:00.0000000Z",
    "ErrorSummary": None,
}

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Token:
    """What a credential of azure-identity gives."""

    token: str
    expires_on: int = 4_000_000_000


@dataclass
class Purse:
    """A credential that counts: token-1, token-2, ..."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get_token(self, *scopes: str, **options: Any) -> Token:
        """The next token."""
        self.asked.append((scopes[0], options))
        return Token(f"token-{len(self.asked)}")


class Desk:
    """Plays `answers` in order and keeps every request."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.purse = Purse()
        self.gateway = ExchangeGateway(
            self.purse, TENANT_ID, transport=httpx.MockTransport(self._answer)
        )
        self.exchange = ExchangeOnline(self.gateway, PLAN)

    @property
    def cmdlets(self) -> list[str]:
        """The cmdlets asked for, in order."""
        return [self.cmdlet(i)["CmdletName"] for i in range(len(self.requests))]

    def cmdlet(self, index: int) -> dict[str, Any]:
        """The CmdletInput of one request."""
        found: dict[str, Any] = json.loads(self.requests[index].content)["CmdletInput"]
        return found

    def parameters(self, index: int) -> dict[str, Any]:
        """The parameters of one request."""
        found: dict[str, Any] = self.cmdlet(index)["Parameters"]
        return found

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def rows(*found: dict[str, Any], next_link: str = "") -> httpx.Response:
    """A success."""
    body: dict[str, Any] = {"@odata.context": "x", "value": list(found)}
    if next_link:
        body["@odata.nextLink"] = next_link
    return httpx.Response(200, json=body)


def refusal(
    net_type: str, text: str = "no", status: int = 400, headers: dict[str, str] | None = None
) -> httpx.Response:
    """A typed refusal, as the service words it."""
    error = {
        "code": "BadRequest",
        "message": "Error executing cmdlet",
        "details": [{"code": "Client", "target": "", "message": f"Ex6F9304|{net_type}|{text}"}],
        "innererror": {
            "internalexception": {
                "type": "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException"
            }
        },
    }
    return httpx.Response(status, json={"error": error}, headers=headers)


def not_found(what: str = "x") -> httpx.Response:
    """The refusal for an identity that nobody has."""
    return refusal(
        "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        f"The operation couldn't be performed because object '{what}' couldn't be found on 'DB8'.",
        404,
    )
