"""What an operator does with Exchange, through the simulated gateway."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faces.exchange_client import (
    ANNA,
    CSV,
    GROUP,
    Client,
    bytes_of,
    error_of,
    gateway_client,
    type_of,
)


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of a prepared tenant."""
    with gateway_client() as made:
        yield made


def prepare_mail_flow(client: Client) -> None:
    """Group, connector and rule, as the runbook has an administrator type them."""
    call = client.call
    call(
        "New-DistributionGroup",
        Name="autre",
        PrimarySmtpAddress="autre@example.org",
        Type="Distribution",
    )
    call(
        "New-OutboundConnector",
        Name="c2",
        ConnectorType="OnPremises",
        IsTransportRuleScoped=True,
        UseMXRecord=False,
        SmartHosts=["mx.example.org"],
    )
    call(
        "New-TransportRule",
        Name="r2",
        SentToMemberOf=["autre@example.org"],
        RouteMessageOutboundConnector="c2",
        ExceptIfHeaderContainsMessageHeader="X-S",
        ExceptIfHeaderContainsWords=["1"],
        SetHeaderName="X-S",
        SetHeaderValue="1",
        StopRuleProcessing=True,
        Mode="Enforce",
        RuleErrorAction="Defer",
        Priority=0,
    )


def open_the_migration(client: Client) -> None:
    """The domain's type and the endpoint."""
    call = client.call
    call("Set-AcceptedDomain", Identity="example.org", DomainType="Authoritative")
    call(
        "New-MigrationEndpoint",
        IMAP=True,
        Name="e2",
        RemoteServer="imap.example.org",
        Port=993,
        Security="Ssl",
        MaxConcurrentMigrations=20,
        MaxConcurrentIncrementalSyncs=10,
    )


def test_group_writes_need_the_way_around_the_owners(client: Client) -> None:
    """An app can own no group."""
    bare = client.call("Add-DistributionGroupMember", Identity=GROUP, Member=ANNA)
    arguments: dict[str, Any] = {
        "Identity": GROUP,
        "Member": ANNA,
        "BypassSecurityGroupManagerCheck": True,
    }
    first = client.call("Add-DistributionGroupMember", **arguments)
    again = client.call("Add-DistributionGroupMember", **arguments)

    assert type_of(bare).endswith("OperationRequiresGroupManagerException")
    assert first.status_code in {200, 204}
    assert type_of(again).endswith("MemberAlreadyExistsException")


def test_a_migration_from_batch_to_removal(client: Client) -> None:
    """The whole life of a batch through the wire, passwords never coming back."""
    made = client.rows(
        "New-MigrationBatch",
        Name="lot-1",
        SourceEndpoint="imap-source",
        CSVData=bytes_of(CSV),
        AutoStart=True,
        ReportInterval="00:00:00",
        NotificationEmails=["rapport-migration@exampleorg.onmicrosoft.com"],
    )
    client.pass_time(minutes=10)
    batch = client.rows("Get-MigrationBatch", Identity="lot-1")[0]
    user = client.rows("Get-MigrationUser", BatchId="lot-1", ResultSize="Unlimited")[0]
    statistics = client.rows(
        "Get-MigrationUserStatistics", Identity=ANNA, IncludeSkippedItems=True
    )[0]
    client.call("Set-MigrationBatch", Identity="lot-1", SyncNow=True)
    client.pass_time(minutes=10)
    later = client.rows("Get-MigrationUser", BatchId="lot-1")[0]
    client.call("Remove-MigrationBatch", Identity="lot-1", Confirm=False)
    removing = client.rows("Get-MigrationBatch", Identity="lot-1")[0]["Status"]
    client.pass_time(minutes=10)

    assert made[0]["Status"] == "Starting"
    assert (batch["Status"], batch["TotalCount"], batch["SyncedCount"]) == ("Synced", 1, 1)
    assert (user["Status"], user["StatusSummary"], user["ErrorSummary"]) == (
        "Synced",
        "Synced",
        None,
    )
    assert (statistics["PercentageComplete"], statistics["SkippedItems"]) == (95, [])
    assert later["LastSuccessfulSyncTime"] > user["LastSuccessfulSyncTime"]
    assert removing == "Removing"
    assert client.call("Get-MigrationBatch", Identity="lot-1").status_code == 404
    assert "geheim" not in json.dumps([made, batch, user, statistics])


def test_completing_an_imap_batch_is_refused(client: Client) -> None:
    """There is no completion step in IMAP migrations; the batch is removed."""
    client.rows("New-MigrationBatch", Name="lot-1", SourceEndpoint="imap-source", CSVData=list(CSV))
    answer = client.call("Complete-MigrationBatch", Identity="lot-1", Confirm=False)

    assert "isn't supported for IMAP" in error_of(answer)["details"][0]["message"]


def test_a_tenant_can_be_prepared_through_the_gateway(client: Client) -> None:
    """Every preparation cmdlet of the runbook, read back."""
    prepare_mail_flow(client)
    open_the_migration(client)
    rules = client.rows("Get-TransportRule")
    domains = {row["DomainName"]: row["DomainType"] for row in client.rows("Get-AcceptedDomain")}
    tested = client.rows(
        "Test-MigrationServerAvailability",
        IMAP=True,
        RemoteServer="imap.example.org",
        Port=993,
        Security="Ssl",
    )

    assert (rules[0]["Name"], rules[0]["Priority"]) == ("r2", 0)
    assert domains["example.org"] == "Authoritative"
    assert tested[0]["Result"] == "Success"
    assert len(client.rows("Get-MigrationEndpoint")) == 2


def test_folder_statistics_count_what_was_copied(client: Client) -> None:
    """The certificate compares folder by folder."""
    anna = client.world.tenant.mailboxes.at_address(ANNA)
    assert anna is not None
    anna.store.folder("Inbox/Clients").add(b"Subject: x\r\n\r\n.", frozenset(), client.hand[0])
    found = {
        row["FolderPath"]: row for row in client.rows("Get-MailboxFolderStatistics", Identity=ANNA)
    }

    assert found["/Inbox/Clients"]["ItemsInFolder"] == 1
    assert found["/Inbox"]["ItemsInFolderAndSubfolders"] == 1
    assert found["/Inbox"]["FolderType"] == "Inbox"
