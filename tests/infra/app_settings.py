"""The app settings that the template writes, with the values that a deployment would fill in."""

from pathlib import Path

from tests.infra.bicep import properties, source, template, walk

APP = Path(__file__).parents[2] / "infra" / "modules" / "app.bicep"
SECRET = "what the vault holds"
SETTING_VARIABLES = (
    "baseSettings",
    "schedulerSettings",
    "aliasMapSettings",
    "sourceSettings",
    "docsSettings",
    "signInSettings",
)


def expressions() -> dict[str, str]:
    """Name and expression of every app setting of the template."""
    found: dict[str, str] = {}
    for symbol in SETTING_VARIABLES:
        variable = template(APP).find("var", symbol)
        assert variable
        for node in walk(variable.body):
            if node.type == "object":
                found |= {name or "": source(value).decode() for name, value in properties(node)}
    return found


def settings_of_the_app(account: str, key: str, client_id: str) -> dict[str, str]:
    """Every setting as the app would find it, once the references to the vault are resolved."""
    known = {
        "storage.name": account,
        "keyUri": key,
        "identityClientId": client_id,
        "hubName": "bascule",
        "docsUrl": "https://docs.example.org/bascule",
        "string(threadCount)": "16",
        "tenant().tenantId": "00000000-0000-0000-0000-000000000001",
        "component.properties.ConnectionString": "InstrumentationKey=00000000-0000-0000-0000-000000000000",
    }
    inside = {
        "${identityClientId}": client_id,
        "${settingsVaultUri}": "https://kvs-abcdefghijklm.vault.azure.net/",
        "${schedulerEndpoint}": "https://example.northeurope.durabletask.io",
    }
    filled: dict[str, str] = {}
    for name, expression in expressions().items():
        text = expression
        for gap, value in inside.items():
            text = text.replace(gap, value)
        said = known.get(text, text.strip("'"))
        filled[name] = SECRET if said.startswith("@Microsoft.KeyVault(") else said
    return filled
