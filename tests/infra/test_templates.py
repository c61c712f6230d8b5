"""The templates say what Azure understands, and nothing in them points at what is not there; without a compiler."""

import re
from pathlib import Path

import pycep
import pytest
from tree_sitter import Node

from tests.infra.azure_types import mistakes_of
from tests.infra.bicep import Template, properties, source, template, value_of, walk

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATES = sorted(INFRA.rglob("*.bicep"))
PARAMETER_FILES = sorted(INFRA.glob("*.bicepparam"))
# What the language offers, as far as it is used. Source: "Bicep functions", Microsoft Learn.
FUNCTIONS = frozenset(
    [
        "bool",
        "concat",
        "empty",
        "environment",
        "guid",
        "int",
        "json",
        "listKeys",
        "loadTextContent",
        "readEnvironmentVariable",
        "resourceGroup",
        "string",
        "subscription",
        "subscriptionResourceId",
        "tenant",
        "union",
        "uniqueString",
    ]
)
NAMESPACES = frozenset({"az", "sys"})


def named(path: Path) -> str:
    """A path as a test's name."""
    return str(path.relative_to(INFRA))


every_template = pytest.mark.parametrize("path", TEMPLATES, ids=named)
every_file = pytest.mark.parametrize("path", [*TEMPLATES, *PARAMETER_FILES], ids=named)


@every_file
def test_every_file_is_bicep_to_two_grammars(path: Path) -> None:
    """A file that does not parse stops a deployment, and the scanner skips it in silence."""
    file = template(path)
    pycep.BicepParser().parse(text=source(file.root).decode())

    assert not file.root.has_error
    assert file.declarations


@every_template
def test_azure_knows_every_type_property_and_value(path: Path) -> None:
    """An unknown property is ignored by Azure, and what it should have closed stays open."""
    file = template(path)

    assert [each for made in file.of("resource") for each in mistakes_of(file, made)] == []


@every_file
def test_every_name_is_declared_once(path: Path) -> None:
    """A name that nobody declares is found by the compiler only, on the day of the deployment."""
    file = template(path)
    declared = [each.symbol for each in file.declarations if each.kind != "output"]

    assert sorted(set(declared)) == sorted(declared)
    assert used(file) - set(declared) - loop_names(file) - NAMESPACES == set()


@every_file
def test_only_functions_of_the_language_are_called(path: Path) -> None:
    """A misspelt function is found on the day of the deployment."""
    called = {
        source(node.named_children[0]).decode()
        for declaration in template(path).declarations
        for node in walk(declaration.node)
        if node.type == "call_expression" and node.named_children[0].type == "identifier"
    }

    assert called <= FUNCTIONS


@every_template
def test_every_parameter_is_described_and_used(path: Path) -> None:
    """A parameter without use promises what nobody keeps."""
    file = template(path)
    unused = {each.symbol for each in file.of("param")} - used(file)

    assert unused == set()
    for each in (*file.of("param"), *file.of("output")):
        assert any(one.startswith("description(") for one in each.decorators), each.symbol


@every_template
def test_modules_get_what_they_ask_for(path: Path) -> None:
    """A parameter too many or too few is found on the day of the deployment."""
    for module in template(path).of("module"):
        called = template(path.parent / module.subject)
        given = value_of(module.body, "params")
        names = {name for name, _ in properties(given)} if given else set()
        wanted = {each.symbol for each in called.of("param")}
        needed = {each.symbol for each in called.of("param") if not each.has_default}

        assert needed <= names <= wanted, module.symbol


@every_template
def test_outputs_that_are_read_exist(path: Path) -> None:
    """A wrong output is found on the day of the deployment."""
    file = template(path)
    for node in walk(file.root):
        read = re.fullmatch(rb"(\w+)\.\??outputs\.(\w+)", source(node))
        if node.type == "member_expression" and read:
            symbol, output = (part.decode() for part in read.groups())
            module = file.find("module", symbol)

            assert module, symbol
            assert template(path.parent / module.subject).find("output", output), source(node)


@every_template
def test_no_output_tells_a_secret(path: Path) -> None:
    """Outputs are kept in clear in the history of deployments, for everybody who may read the group."""
    for output in template(path).of("output"):
        assert not re.search(
            rb"list\w*\(|[Cc]onnectionString|InstrumentationKey", source(output.node)
        )


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=named)
def test_parameter_files_fit_the_table_of_contents(path: Path) -> None:
    """A parameter that is missing makes the deployment ask, and a pipeline cannot answer."""
    main = template(INFRA / "main.bicep")
    given = {each.symbol for each in template(path).of("var")}
    needed = {each.symbol for each in main.of("param") if not each.has_default}

    assert path.read_text(encoding="utf-8").startswith("using './main.bicep'\n")
    assert needed <= given <= {each.symbol for each in main.of("param")}


def test_azd_deploys_what_the_production_file_says() -> None:
    """Two ways to production with two outcomes would be one too many."""
    production = (INFRA / "prod.bicepparam").read_text(encoding="utf-8")
    azd = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
    for name, value in re.findall(r"^param (\w+) = ('[^']*'|\w+)$", production, re.MULTILINE):
        default = re.search(
            rf"^param {name} = .*readEnvironmentVariable\('\w+', '(.*)'\)", azd, re.MULTILINE
        )
        if name != "environmentName":
            assert default, name
            assert default.group(1) == value.strip("'"), name


def used(file: Template) -> set[str]:
    """Every name that some expression of the file reads."""
    return {
        source(node).decode()
        for declaration in file.declarations
        for node in walk(declaration.node)
        if node.type == "identifier" and _is_read(node)
    }


def _is_read(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.type.endswith("_declaration"):
        return parent is not None and parent.named_children[0].id != node.id
    is_first = parent.named_children[0].id == node.id
    if parent.type == "object_property":
        return not is_first
    return not (parent.type == "call_expression" and is_first)


def loop_names(file: Template) -> set[str]:
    """What loops call the thing in hand, and its number."""
    loops = [node for node in walk(file.root) if node.type == "for_statement"]
    heads = [loop.named_children[0] for loop in loops]
    return {
        source(name).decode()
        for head in heads
        for name in (head.named_children if head.type == "for_loop_parameters" else [head])
    }
