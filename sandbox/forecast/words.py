"""A forecast as a person reads it."""

from collections.abc import Sequence
from typing import Any

from sandbox.forecast.report import PERCENTS, hours

Json = dict[str, Any]
BINDS = {True: "binds", False: "does not bind", None: "unknown"}


def said(forecast: Json) -> str:
    """The whole forecast, in paragraphs."""
    paragraphs = (
        _head(forecast),
        _sizes(forecast["sizes"], forecast["mailboxes"]),
        _stages(forecast["stages"]),
        _people(forecast["needs_a_person"]),
        _limits(forecast["limits"]),
        _how(forecast),
    )
    return "\n\n".join(paragraphs)


def _head(forecast: Json) -> str:
    seeds = forecast["seeds"]
    last = seeds["first"] + seeds["count"] - 1
    return f"Forecast of {_counted(forecast['mailboxes'])}, over seeds {seeds['first']} to {last}"


def _counted(count: int) -> str:
    return f"{count} mailbox" if count == 1 else f"{count} mailboxes"


def _sizes(sizes: Json, count: int) -> str:
    guessed = count - sizes["surveyed"]
    origin = f"{sizes['surveyed']} from the survey"
    if guessed:
        origin += f", {guessed} guessed: half below 1 GiB, one in ten above 5 GiB"
    rows = [
        (each["class"], _counted(each["mailboxes"]), f"{each['gib']} GiB")
        for each in sizes["classes"]
    ]
    return "\n".join([f"Sizes: {origin}", *_columns(rows)])


def _stages(stages: Sequence[Json]) -> str:
    names = tuple(PERCENTS)
    head = (
        "after the upload",
        *(f"half {name}" for name in names),
        *(f"last {name}" for name in names),
    )
    rows = [
        (
            each["stage"],
            *(hours(each["half_h"][name]) for name in names),
            *(hours(each["last_h"][name]) for name in names),
        )
        for each in stages
    ]
    return "\n".join(_columns([head, *rows]))


def _people(people: Sequence[Json]) -> str:
    if not people:
        return "Needs a person: nobody, as far as can be foretold"
    rows = [(each["code"], str(each["mailboxes"]), each["from"]) for each in people]
    return "\n".join(["Needs a person:", *_columns(rows)])


def _limits(limits: Sequence[Json]) -> str:
    rows = [(each["limit"], BINDS[each["binds"]], each["why"]) for each in limits]
    return "\n".join(["Limits:", *_columns(rows)])


def _how(forecast: Json) -> str:
    assumed, sampled = forecast["assumed"], forecast["sizes"]["sampled_per_seed"]
    source = assumed["source_mib_per_h"]
    return "\n".join(
        (
            f"How: {sampled} small mailboxes for each seed live on the simulator, in an ordinary week's weather; each of yours takes the times",
            "of one of them, and its size counts for the first copy alone. All queue for the endpoint's slots. Who comes to no end is left out",
            "of the times; offences count as waived. No throughput of an IMAP migration is published: what follows is assumed, and an option each.",
            (
                f"  one mailbox {assumed['mailbox_mib_per_h']:g} MiB/h, the source {f'{source:g} MiB/h' if source else 'as much as is asked'},"
                f" {assumed['concurrent_copies']} copies and {assumed['concurrent_deltas']} deltas at once, {assumed['delta_s']:g} s a delta,"
            ),
            f"  cutovers without an instant asked {assumed['cutover_after_h']:g} h after the last mailbox has synced",
        )
    )


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        (
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
