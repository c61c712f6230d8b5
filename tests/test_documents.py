"""The documentation says what the code does: codes, stages, settings, commands, options, links."""

import re
import tomllib
from pathlib import Path

import pytest

from bascule.domain.codes import Code, Offence
from bascule.domain.stages import Stage

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CODE_PAGES = DOCS / "how-to" / "codes"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
# What `## Headings` become as link targets, on the sites that render these pages.
ANCHOR_DROPPED = re.compile(r"[^\w\- ]")


def text_of(*parts: str) -> str:
    """The text of a page below the repository's root."""
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Link targets of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {ANCHOR_DROPPED.sub("", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("code", [*Code, *Offence], ids=str)
def test_every_code_has_a_page_in_two_languages(code: Code | Offence) -> None:
    """An operator who meets a code at night finds the cause, who acts, and what to do, in a language of theirs."""
    page = text_of("docs", "how-to", "codes", f"{code}.md")
    _, english, french = re.split(r"^## (?:English|Français)$", page, flags=re.MULTILINE)

    assert page.startswith(f"# `{code}`\n")
    for heading in ("**Cause.**", "**Who acts.**", "**What to do.**"):
        assert heading in english
    for heading in ("**Cause.**", "**Qui agit.**", "**Que faire.**"):
        assert heading in french


def test_no_page_tells_of_a_code_that_is_gone() -> None:
    """Such a page sends people looking for something that cannot happen."""
    told = {page.stem for page in CODE_PAGES.glob("*.md")}
    listed = set(re.findall(r"codes/(\w+)\.md", text_of("docs", "reference", "codes.md")))

    assert told == listed == {str(code) for code in (*Code, *Offence)}


def test_every_stage_is_explained() -> None:
    """The stage is the first thing an operator sees of a mailbox."""
    rows = set(
        re.findall(r"^\| `(\w+)` \|", text_of("docs", "reference", "stages.md"), re.MULTILINE)
    )

    assert rows == {str(stage) for stage in Stage}


def test_every_setting_is_documented_and_no_other() -> None:
    """A setting that is not written down is found by reading code in production."""
    name = re.compile(r"\b(?:BASCULE_[A-Z_]+|LOCAL_HOST_CLOCK)\b")
    read = set(name.findall(text_of("bascule", "settings.py")))
    documented = set(name.findall(text_of("docs", "reference", "settings.md")))

    assert read == documented


@pytest.mark.parametrize(
    ("module", "page"),
    [
        ("sandbox/local_host/__main__.py", "reference/local-host.md"),
        ("sandbox/faces/__main__.py", "reference/faces.md"),
        ("sandbox/demo/__main__.py", "reference/demo.md"),
        ("sandbox/rehearsal/__main__.py", "how-to/rehearsal.md"),
    ],
)
def test_every_option_of_a_command_is_documented(module: str, page: str) -> None:
    """An option that only `--help` knows is an option nobody plans with."""
    options = set(re.findall(r"\"(--[a-z-]+)\"", text_of(module)))
    documented = set(re.findall(r"`(--[a-z-]+)`", text_of("docs", page)))

    assert options == documented


def test_every_link_between_pages_leads_somewhere() -> None:
    """A page that cannot be reached might as well not be written."""
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not link.startswith(("https:", "http:")) and not _leads_somewhere(page, link)
    ]

    assert broken == []


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_make_command_in_a_page_exists() -> None:
    """The first command a newcomer copies must work."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    told = {
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for target in re.findall(
            r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }

    assert [(page, target) for page, target in sorted(told) if target not in targets] == []


def test_the_changelog_tells_of_this_version() -> None:
    """An operator decides by the changelog whether an update may be deployed under running stories."""
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    changelog = text_of("CHANGELOG.md")

    assert "## [Unreleased]" in changelog
    assert f"## [{version}] - " in changelog


def test_the_runbook_says_the_same_in_both_languages() -> None:
    """Two people with two runbooks do the same work in the same order."""
    outlines = [
        [
            (level, number)
            for level, number in re.findall(
                r"^(#+) ([\d.]+)", text_of("docs", "how-to", f"runbook.{language}.md"), re.MULTILINE
            )
        ]
        for language in ("en", "fr")
    ]

    assert outlines[0]
    assert outlines[0] == outlines[1]
