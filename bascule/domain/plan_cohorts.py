"""What has to hold of the cohorts of a plan: each key by itself, and all of them together."""

import re
from collections.abc import Iterator

from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.batch_cells import read_instant
from bascule.domain.plan import LicenceMode
from bascule.domain.plan_shape import PlanMistake, Values

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

# BCP 47 as the directory's preferredLanguage takes it: a language, and a country behind it.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")


def address_patterns_problem(found: tuple[str, ...]) -> Problem:
    """Why a list of address patterns cannot be used."""
    for text in found:
        if text.count("@") != 1 or re.search(r"\s", text):
            return f"has {text!r}, which fits no address", "Write a pattern such as *@example.org"
    return repeated_problem(found)


def repeated_problem(found: tuple[str, ...]) -> Problem:
    """Why a list cannot be used: something stands in it twice, or is empty."""
    plain = [text.lower() for text in found]
    repeated = sorted({text for text in plain if plain.count(text) > 1})
    if repeated:
        return f"names {', '.join(repeated)} twice", "Name each once"
    return None if all(plain) else ("has an empty entry", "Remove it")


def addresses_problem(found: tuple[str, ...]) -> Problem:
    """Why a list of addresses cannot be used."""
    for text in found:
        problem = address_problem(text)
        if problem:
            return f"has {text!r}, which {problem}", "Write mail addresses"
    return repeated_problem(tuple(normal_address(text) for text in found))


def instant_problem(text: str) -> Problem:
    """Why an instant cannot be used; one without an offset could be meant in any zone."""
    instant = read_instant(text)
    if instant.zone_missing:
        return "has no offset", "Write a Z behind it for UTC"
    return instant.problem


def language_problem(text: str) -> Problem:
    """Why a language cannot be used. Source: BCP 47."""
    if _LANGUAGE.fullmatch(text):
        return None
    return f"is {text!r}", "Write a language such as fr-FR"


def check_cohorts(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes between keys of cohorts."""
    for name in values.get("cohorts", ()):
        yield from _replacement(values, f"cohorts.{name}")
    for key in ("addresses", "units"):
        yield from _shared_patterns(values, key)


def _replacement(values: Values, cohort: str) -> Iterator[PlanMistake]:
    replaced, mode = values.get(f"{cohort}.replaces"), values.get(f"{cohort}.mode")
    if not replaced:
        return
    if mode is not None and mode is not LicenceMode.REPLACE:
        yield PlanMistake(
            f"{cohort}.replaces",
            f"names licences to take away, and the mode is {mode}",
            'Write mode = "replace", or remove the list',
        )
    licence = values.get(f"{cohort}.licence")
    if licence in replaced:
        yield PlanMistake(
            f"{cohort}.replaces",
            f"names the cohort's own licence {licence}",
            "Name only licences that it takes the place of",
        )


def _shared_patterns(values: Values, key: str) -> Iterator[PlanMistake]:
    first: dict[str, str] = {}
    for name in values.get("cohorts", ()):
        for text in values.get(f"cohorts.{name}.{key}", ()):
            other = first.setdefault(text.lower(), name)
            if other != name:
                yield PlanMistake(
                    f"cohorts.{name}.{key}",
                    f"has {text!r}, which chooses the cohort {other} already",
                    "Leave it with one of the two",
                )
