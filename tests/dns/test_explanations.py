"""Everything that can be found wrong in DNS is explained."""

from pathlib import Path

from bascule.domain.dns_findings import FindingKind

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "dns-findings.md"


def test_every_kind_of_finding_is_explained_and_no_other() -> None:
    """A word without an explanation sends the operator to a search engine, in the middle of a change."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = [
        line.removeprefix("## `").removesuffix("`") for line in lines if line.startswith("## `")
    ]

    assert sorted(told) == sorted(str(kind) for kind in FindingKind)
