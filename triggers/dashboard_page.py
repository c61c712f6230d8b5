"""The dashboard as one HTML page: no script, nothing loaded from elsewhere, every word of others escaped."""

import base64
import hashlib
import html
from collections.abc import Iterator
from datetime import datetime

from triggers.dashboard_facts import Aside, BatchFacts, Dashboard, SeatFacts
from triggers.dashboard_words import Words

RENEW_S = 60
STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1rem; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; }
td.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
meter { width: 12rem; }
section { border-top: 3px solid #4a5a7a; margin-top: 2rem; }
h1, h2 { line-height: 1.2; }
small { color: #555; font-weight: 400; }
ul.todo { border-left: 4px solid #b35c00; padding-left: 1.5rem; }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #1b1b1b; } small { color: #aaa; } th, td { border-color: #444; } a { color: #9bc1ff; } }
"""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Only this very style: whatever else a name might smuggle in, a browser neither runs nor loads.
# Source: "Content Security Policy Level 3", W3C.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Markup(str):
    """Text that is HTML already; every other text is escaped where it is put in."""

    __slots__ = ()


def element(name: str, *inside: str, **attributes: str) -> Markup:
    """One element; a text inside, or an attribute, may be anybody's."""
    said = "".join(
        f' {key.strip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    content = "".join(
        each if isinstance(each, Markup) else html.escape(each, quote=False) for each in inside
    )
    return Markup(f"<{name}{said}>{content}</{name}>")


def page(seen: Dashboard, words: Words, docs_url: str = "") -> str:
    """The whole page. `docs_url`: where the documentation stands, with a slash at its end; empty: codes are no links."""
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="refresh" content="{RENEW_S}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", words.title),
        element("style", Markup(STYLE)),
    )
    sections = [_section(batch, words, docs_url) for batch in seen.batches]
    left_out = words.batches_left_out.format(count=seen.batches_left_out_count)
    body = element(
        "body",
        element("h1", words.title),
        element("p", element("small", words.seen.format(instant=_instant(seen.seen_utc)))),
        _to_do(seen, words),
        element("p", words.tenant.format(state=_state(seen.tenant.state, words))),
        _seats(seen.seats, words),
        *(sections or [element("p", words.no_batch)]),
        element("p", left_out) if seen.batches_left_out_count else Markup(),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang=words.language)}\n"


def to_do(batch: BatchFacts, words: Words) -> Iterator[str]:
    """What of this batch waits for a person, the most urgent first."""
    counted = (
        (batch.unmoved_count, words.do_unmoved),
        (batch.late_count, words.do_late),
        (batch.aside_count, words.do_retry),
        (int(batch.has_refused_upload), words.do_upload),
        (int(batch.has_difference), words.do_difference),
        (batch.ready_count, words.do_cutover),
    )
    yield from (text.format(count=count) for count, text in counted if count)
    if batch.planned_first_utc is not None:
        instant = _instant(batch.planned_first_utc)
        yield words.do_wait_cutover.format(count=batch.planned_count, instant=instant)


def _to_do(seen: Dashboard, words: Words) -> Markup:
    held = [element("li", words.do_held)] if seen.tenant.holds_cutovers else []
    findings = [words.do_tenant.format(finding=each) for each in seen.tenant.findings]
    lines = [*held, *(element("li", text) for text in findings)]
    lines += [
        element("li", element("a", batch.name, href=f"#{batch.name}"), " ", text)
        for batch in seen.batches
        for text in to_do(batch, words)
    ]
    lines += [
        element("li", words.do_seats.format(licence=seats.part_number))
        for seats in seen.seats or ()
        if seats.enabled_count <= seats.consumed_count
    ]
    what = element("ul", *lines, class_="todo") if lines else element("p", words.nothing_to_do)
    return Markup(element("h2", words.to_do) + what)


def _state(state: str, words: Words) -> str:
    return dict(words.tenant_states).get(state, state)


def _seats(seats: tuple[SeatFacts, ...] | None, words: Words) -> Markup:
    if seats is None:
        return element("p", f"{words.seats}: {words.seats_unknown}")
    rows = [
        element(
            "tr",
            element("td", each.part_number),
            _count(each.enabled_count),
            _count(each.consumed_count),
            _count(max(0, each.enabled_count - each.consumed_count)),
        )
        for each in seats
    ]
    return _table(words.seats, (words.licence, words.bought, words.used, words.free), rows)


def _section(batch: BatchFacts, words: Words, docs_url: str) -> Markup:
    state = dict(words.states).get(batch.state, batch.state)
    about = f"{state}, {words.rows.format(count=batch.row_count)}"
    parts = [element("h2", batch.name, " ", element("small", about))]
    if batch.counts:
        parts += [_stages(batch, words), element("p", _syncs(batch, words))]
    if batch.aside:
        parts.append(_aside(batch, words, docs_url))
    if not batch.is_whole:
        parts.append(element("p", words.not_whole))
    return element("section", *parts, id=batch.name)


def _stages(batch: BatchFacts, words: Words) -> Markup:
    whole = str(max(1, sum(count for _, count in batch.counts)))
    rows = [
        element(
            "tr",
            element("td", stage.value),
            _count(count),
            element("td", element("meter", "", min="0", max=whole, value=str(count))),
        )
        for stage, count in batch.counts
    ]
    return _table("", (words.stage, words.mailboxes, ""), rows)


def _syncs(batch: BatchFacts, words: Words) -> str:
    if batch.synced_first_utc is None or batch.synced_last_utc is None:
        return words.never_synced
    return words.synced.format(
        first=_instant(batch.synced_first_utc), last=_instant(batch.synced_last_utc)
    )


def _aside(batch: BatchFacts, words: Words, docs_url: str) -> Markup:
    rows = [
        element(
            "tr",
            element("td", each.address),
            element("td", _code(each, docs_url)),
            element("td", each.detail),
            element("td", _instant(each.since_utc) if each.since_utc else ""),
        )
        for each in batch.aside
    ]
    table = _table(words.aside, (words.address, words.code, words.detail, words.since), rows)
    left_out_count = batch.aside_count - len(batch.aside)
    if left_out_count <= 0:
        return table
    return Markup(table + element("p", words.aside_left_out.format(count=left_out_count)))


def _code(aside: Aside, docs_url: str) -> Markup:
    path = f"how-to/codes/{aside.code}.md"
    if docs_url:
        return element("a", aside.code, href=docs_url + path, rel="noreferrer")
    return Markup(element("code", aside.code) + Markup("<br>") + element("small", f"docs/{path}"))


def _table(caption: str, heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    head = element("tr", *(element("th", each, scope="col") for each in heads))
    title = [element("caption", caption)] if caption else []
    return element("table", *title, element("thead", head), element("tbody", *rows))


def _count(count: int) -> Markup:
    return element("td", str(count), class_="count")


def _instant(instant_utc: datetime) -> str:
    return f"{instant_utc:%Y-%m-%d %H:%M} UTC"
