"""Writes azure_types.json: what Azure's own type index says of the types that the templates use.

    python -m tests.infra.extract_azure_types PATH/TO/bicep-types-az

The index is what the Bicep compiler checks against; it is no package of any registry, so the part that is needed is kept here.
Only names that occur in the templates are followed; of the others just the names are kept.

Source: github.com/Azure/bicep-types-az (MIT), generated from the specifications of Azure's resource providers.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.infra.bicep import properties, template, walk

HERE = Path(__file__).parent
INFRA = HERE.parents[1] / "infra"
TYPES_PATH = HERE / "azure_types.json"
READ_ONLY = 2

Index = list[dict[str, Any]]


class Extract:
    """Types by number, renumbered as they are met."""

    def __init__(self, followed: set[str]) -> None:
        self._followed = followed
        self._numbers: dict[tuple[str, int], int] = {}
        self.types: list[Any] = []

    def take(self, file: str, index: Index, reference: dict[str, str]) -> int:
        """The number of a type in this extract."""
        place = int(reference["$ref"].removeprefix("#/"))
        if (file, place) not in self._numbers:
            self._numbers[file, place] = len(self.types)
            self.types.append(None)
            number = self._numbers[file, place]
            self.types[number] = self._taken(file, index, index[place])
        return self._numbers[file, place]

    def _taken(self, file: str, index: Index, kind: dict[str, Any]) -> dict[str, Any]:
        name = kind["$type"].removesuffix("Type")
        taken: dict[str, Any] = {"is": name}
        taken |= {
            key: kind[key] for key in ("value", "pattern", "minLength", "maxLength") if key in kind
        }
        if name == "Array":
            taken["of"] = self.take(file, index, kind["itemType"])
        if name == "Union":
            taken["any"] = [self.take(file, index, each) for each in kind["elements"]]
        if name == "DiscriminatedObject":
            taken["by"] = kind["discriminator"]
            taken["cases"] = {
                case: self.take(file, index, each) for case, each in kind["elements"].items()
            }
        if name in ("Object", "DiscriminatedObject"):
            taken |= self._members(file, index, kind)
        return taken

    def _members(self, file: str, index: Index, kind: dict[str, Any]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, member in (kind.get("properties") or kind.get("baseProperties") or {}).items():
            known = name in self._followed and not member["flags"] & READ_ONLY
            number = self.take(file, index, member["type"]) if known else None
            members[name] = [member["flags"], number]
        more = kind.get("additionalProperties")
        return {"has": members, "more": self.take(file, index, more) if more else None}


def used_types() -> set[str]:
    """Type and version of every resource of the templates."""
    return {
        resource.subject
        for path in INFRA.rglob("*.bicep")
        for resource in template(path).of("resource")
    }


def used_names() -> set[str]:
    """Every property name that occurs in the templates."""
    return {
        name
        for path in INFRA.rglob("*.bicep")
        for node in walk(template(path).root)
        if node.type == "object"
        for name, _ in properties(node)
        if name
    }


def main(clone: str) -> None:
    """Write the extract from a clone of the index. Raises LookupError for a type that is not in it."""
    listed = _git(clone, "ls-tree", "-r", "--name-only", "HEAD", "--", "generated").split()
    extract, resources = Extract(used_names()), {}
    for wanted in sorted(used_types()):
        resources[wanted] = _resource(clone, listed, wanted, extract)
    said = {
        "source": "github.com/Azure/bicep-types-az",
        "commit": _git(clone, "rev-parse", "HEAD").strip(),
        "resources": resources,
    }
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in extract.types)
    head = json.dumps(said, indent=1).removesuffix("\n}")
    TYPES_PATH.write_text(f'{head},\n "types": [\n{lines}\n]\n}}\n', encoding="utf-8")


def _resource(clone: str, listed: list[str], wanted: str, extract: Extract) -> int:
    name, _, version = wanted.partition("@")
    ending = f"/{name.partition('/')[0].lower()}/{version}/types.json"
    for file in (each for each in listed if each.endswith(ending)):
        index: Index = json.loads(_git(clone, "show", f"HEAD:{file}"))
        for kind in index:
            if kind["$type"] == "ResourceType" and kind["name"] == wanted:
                return extract.take(file, index, kind["body"])
    raise LookupError(f"Azure knows no {wanted}")


def _git(clone: str, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", clone, *words], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main(sys.argv[1])
