"""What the templates promise: real roles in one file, no key anywhere, names that Azure takes, settings that the app takes."""

import re
import subprocess
from pathlib import Path

import pytest

from bascule.settings import settings_from
from tests.infra.app_settings import expressions, settings_of_the_app
from tests.infra.azure_types import mistakes_of
from tests.infra.bicep import literal, properties, source, template, value_of, walk

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
MODULES = INFRA / "modules"
APP = MODULES / "app.bicep"
# Source: "Azure built-in roles", Microsoft Learn.
BUILT_IN_ROLES = {
    "0ad04412-c4d5-4796-b79c-f76d14c8d402": "Durable Task Data Contributor",
    "d6a5505f-6ebb-45a4-896e-ac8274cfc0ac": "Durable Task Data Reader",
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": "Key Vault Crypto Service Encryption User",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
}
# Source: "Naming rules and restrictions for Azure resources", Microsoft Learn.
NAME_RULES = {
    "rg-": r"[-\w.()]{1,89}[-\w()]",
    "id-": r"[A-Za-z0-9][\w-]{2,127}",
    "st": r"[a-z0-9]{3,24}",
    "kv": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "dts-": r"[A-Za-z0-9-]{3,64}",
    "evgt-": r"[A-Za-z0-9-]{3,50}",
    "bascule-": r"[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]",
    "log-": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "vnet-": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "pip-": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "ng-": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "nsg-": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "appi-": r"[^%&\\?/]{1,259}[^%&\\?/ .]",
    "ag-": r"[^%&\\?/]{1,259}[^%&\\?/ .]",
}
# Source: "App settings reference for Azure Functions", Microsoft Learn, deprecated on Flex Consumption.
NEVER_ON_FLEX = frozenset(
    [
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_VNET_ROUTE_ALL",
        "WEBSITE_DNS_SERVER",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "ENABLE_ORYX_BUILD",
    ]
)
# The name by which the platform knows that an identity vouches for the app. Source: "Configure your App Service or
# Azure Functions app to use Microsoft Entra sign-in", Microsoft Learn.
IDENTITY_ASSERTION = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
SITE_KEYS = frozenset(
    {"minTlsVersion", "ipSecurityRestrictions", "ipSecurityRestrictionsDefaultAction"}
)


def test_roles_are_real_and_called_by_their_names() -> None:
    """A wrong id is a right that nobody reviewed; published samples have such."""
    named = template(MODULES / "rbac.bicep").find("var", "roles")
    assert named
    for name, value in properties(named.body):
        words = BUILT_IN_ROLES[literal(value) or ""].split()

        assert name == words[0].lower() + "".join(words[1:])


def test_permissions_stand_in_one_file() -> None:
    """A reviewer reads one file, and has read all."""
    with_roles = {
        path.name
        for path in INFRA.rglob("*.bicep")
        for made in template(path).of("resource")
        if made.subject.startswith("Microsoft.Authorization/")
    }

    assert with_roles == {"rbac.bicep"}


def test_every_role_is_assigned() -> None:
    """A role in the list that nobody has is read as one that somebody has."""
    text = (MODULES / "rbac.bicep").read_text(encoding="utf-8")
    named = template(MODULES / "rbac.bicep").find("var", "roles")
    assert named
    for name, _ in properties(named.body):
        assert f"roles.{name}" in text


def test_no_key_of_storage_or_logs_is_used() -> None:
    """A key in a setting is read by whoever reads settings, and works from everywhere."""
    storage = template(MODULES / "storage.bicep").find("resource", "account")
    assert storage
    closed = value_of(storage.body, "properties")
    assert closed
    for name, wanted in (
        ("allowSharedKeyAccess", b"false"),
        ("allowBlobPublicAccess", b"false"),
        ("minimumTlsVersion", b"'TLS1_2'"),
    ):
        value = value_of(closed, name)
        assert value is not None
        assert source(value) == wanted
    asked = [
        (path.name, source(node)[:30])
        for path in INFRA.rglob("*.bicep")
        for node in walk(template(path).root)
        if node.type == "call_expression" and source(node).startswith(b"list")
    ]

    # The one key that Event Grid needs to knock: it is read inside Azure.
    assert [name for name, _ in asked] == ["upload_subscription.bicep"]


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_names_are_such_as_azure_takes(environment: str) -> None:
    """A name too long is refused after half of everything has been made."""
    sample = {"environmentName": environment, "token": "abcdefghijklm"}
    checked = 0
    for path in INFRA.rglob("*.bicep"):
        for text in re.findall(
            r"ame: '([a-z]+-?[^']*\$\{[^']+)'", path.read_text(encoding="utf-8")
        ):
            name = re.sub(r"\$\{(\w+)\}", lambda found: sample.get(found[1], "x"), text)
            rule = next((NAME_RULES[each] for each in NAME_RULES if name.startswith(each)), None)
            if rule and "{" not in name:
                assert re.fullmatch(rule, name), name
                checked += 1

    assert checked >= len(NAME_RULES)


def test_the_site_sets_nothing_that_flex_consumption_refuses() -> None:
    """The platform refuses a whole deployment for one setting of another plan."""
    app = template(APP).find("resource", "app")
    assert app
    site = value_of(value_of(app.body, "properties") or app.body, "siteConfig")
    assert site

    assert {name for name, _ in properties(site)} <= SITE_KEYS
    assert not NEVER_ON_FLEX & set(expressions())


def test_the_app_takes_the_settings_that_it_is_given() -> None:
    """Otherwise the first thing that the new app does is to list its mistakes."""
    identity = "11111111-1111-4111-8111-111111111111"
    key = "https://kvk-abc.vault.azure.net/keys/batch-wrapping"
    given = settings_of_the_app("stbasculeabcdefghijklm", key, identity)
    read = settings_from(given | {"BASCULE_PLAN": "pyproject.toml"})

    assert given["BASCULE_PLAN"] == "plan.toml"
    assert read.is_key_vault_key
    assert read.storage_account == "stbasculeabcdefghijklm"
    assert read.managed_identity_client_id == identity
    assert read.storage == read.client_secret == read.token_url == ""


def test_sign_in_is_required_as_soon_as_there_is_one() -> None:
    """The app opens its routes to tokens alone only when it is told so, and production must tell it."""
    given = settings_of_the_app("stbasculeabcdefghijklm", "https://k.vault.azure.net/keys/b", "c")
    production = (INFRA / "prod.bicepparam").read_text(encoding="utf-8")
    sign_in = (MODULES / "sign_in.bicep").read_text(encoding="utf-8")

    assert given["BASCULE_SIGN_IN"] == "required"
    assert "param apiClientId = readEnvironmentVariable('BASCULE_API_CLIENT_ID')\n" in production
    assert "requireAuthentication: true" in sign_in
    assert re.findall(r"excludedPaths: \[\s*('[^']*')\s*\]", sign_in) == [
        "'/runtime/webhooks/blobs'"
    ]
    assert f"clientSecretSettingName: '{IDENTITY_ASSERTION}'" in sign_in
    assert given[IDENTITY_ASSERTION] == "c"


def test_who_forgets_the_sign_in_deploys_nothing() -> None:
    """Production had function keys alone, and one that had roles lost them, by a variable that nobody had set."""
    main = (INFRA / "main.bicep").read_text(encoding="utf-8")
    by_azd = (INFRA / "main.bicepparam").read_text(encoding="utf-8")

    assert "param apiClientId = readEnvironmentVariable('BASCULE_API_CLIENT_ID')\n" in by_azd
    # A variable of the pipeline that is not there arrives as an empty one.
    assert "@minLength(4)\n@maxLength(36)\nparam apiClientId string\n" in main
    assert main.count("apiClientId != 'none'") == 2


@pytest.mark.parametrize(
    ("environment", "client_id", "passes"),
    [
        ("prod", "", False),
        ("prod", "none", False),
        ("prod", "11111111-1111-4111-8111-111111111111", True),
        ("dev", "", False),
        ("dev", "none", True),
    ],
)
def test_the_pipeline_deploys_no_production_without_a_sign_in(
    environment: str, client_id: str, passes: bool
) -> None:
    """It would do so without a word, and take the roles away from the app that moves mailboxes."""
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
    [look] = re.findall(r"run: \|\n((?: +test .*BASCULE_API_CLIENT_ID.*\n)+)", text)
    given = {"AZURE_ENV_NAME": environment, "BASCULE_API_CLIENT_ID": client_id}

    assert (subprocess.run(["sh", "-ec", look], env=given, check=False).returncode == 0) is passes
    # Before anything is signed in or made.
    assert text.index(look) < text.index("azure/login")


@pytest.mark.parametrize(
    ("was", "broken"),
    [
        ("httpsOnly: true", "httpOnly: true"),
        ("httpsOnly: true", "httpsOnly: 'true'"),
        ("type: 'blobContainer'", "type: 'blobContaner'"),
        ("    reserved: true", "    reserved: true\n    reserved: true"),
        ("    serverFarmId: plan.id", "    serverFarmId: plan.id\n    defaultHostName: 'x'"),
        ("@2024-11-01' = {\n  name: name", "@2024-11-02' = {\n  name: name"),
        ("  location: location\n  // azd", "  // azd"),
    ],
)
def test_the_check_itself_sees_mistakes(tmp_path: Path, was: str, broken: str) -> None:
    """A check that finds nothing because it sees nothing would let everything pass."""
    text = APP.read_text(encoding="utf-8")
    assert was in text
    copy = tmp_path / "app.bicep"
    copy.write_text(text.replace(was, broken), encoding="utf-8")
    file = template(copy)

    assert [each for made in file.of("resource") for each in mistakes_of(file, made)] != []
