"""A Bicep file as its declarations, read with the grammar of tree-sitter-bicep; enough of the compiler to check names."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
PARAMETER_LINE = re.compile(r"^param(?= )", re.MULTILINE)
USING_LINE = re.compile(r"^using '([^']+)'$", re.MULTILINE)


@dataclass(frozen=True)
class Declaration:
    """One `param`, `var`, `resource`, `module` or `output`."""

    kind: str
    symbol: str
    node: Node
    decorators: tuple[str, ...]

    @property
    def subject(self) -> str:
        """What the quotes behind the symbol say: a type with its version, or a module's path."""
        quoted = [each for each in self.node.named_children if each.type == "string"]
        return literal(quoted[0]) or "" if quoted else ""

    @property
    def is_existing(self) -> bool:
        """Whether it refers to what somebody else makes."""
        return any(child.type == "existing" for child in self.node.children) or (
            b" existing =" in source(self.node).split(b"{", 1)[0]
        )

    @property
    def body(self) -> Node:
        """The value: for a resource or module the object, behind condition and loop."""
        node = self.node.named_children[-1]
        while node.type in ("if_statement", "for_statement"):
            node = node.named_children[-1]
        return node

    @property
    def has_default(self) -> bool:
        """Whether a parameter may be left out."""
        return any(child.type == "=" for child in self.node.children)


@dataclass(frozen=True)
class Template:
    """One file."""

    path: Path
    root: Node
    declarations: tuple[Declaration, ...]

    def of(self, kind: str) -> tuple[Declaration, ...]:
        """The declarations of one kind."""
        return tuple(each for each in self.declarations if each.kind == kind)

    def find(self, kind: str, symbol: str) -> Declaration | None:
        """The declaration of that name; None when there is none."""
        return next((each for each in self.of(kind) if each.symbol == symbol), None)


@functools.cache
def template(path: Path) -> Template:
    """The declarations of a .bicep file, or of a .bicepparam file, whose values read as variables."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".bicepparam":
        text = PARAMETER_LINE.sub("var", USING_LINE.sub("", text))
    root = parser().parse(text.encode()).root_node
    return Template(path, root, tuple(_declarations(root)))


@functools.cache
def parser() -> Parser:
    """The parser; making one is slow."""
    return Parser(Language(tree_sitter_bicep.language()))


def _declarations(root: Node) -> Iterator[Declaration]:
    decorators: list[str] = []
    for node in root.named_children:
        if node.type == "decorators":
            decorators = [source(each.named_children[0]).decode() for each in node.named_children]
        elif node.type in KINDS:
            symbol = source(node.named_children[0]).decode()
            yield Declaration(KINDS[node.type], symbol, node, tuple(decorators))
            decorators = []


def source(node: Node) -> bytes:
    """The text of a node."""
    return node.text or b""


def literal(node: Node) -> str | None:
    """The text of a string without interpolation; None for everything else."""
    if node.type != "string" or any(each.type == "interpolation" for each in node.named_children):
        return None
    return b"".join(source(each) for each in node.named_children).decode()


def properties(node: Node) -> list[tuple[str | None, Node]]:
    """Name and value of every property of an object; no name where it is computed."""
    found: list[tuple[str | None, Node]] = []
    for each in node.named_children:
        if each.type == "object_property":
            key, value = each.named_children[0], each.named_children[-1]
            found.append((_key(key), value))
    return found


def _key(node: Node) -> str | None:
    return literal(node) if node.type == "string" else source(node).decode()


def value_of(node: Node, name: str) -> Node | None:
    """The value of a property; None when the object has none of that name."""
    return next((value for key, value in properties(node) if key == name), None)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)
