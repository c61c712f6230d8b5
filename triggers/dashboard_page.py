"""The dashboard as one HTML page: no script, nothing loaded from elsewhere, every word of others escaped."""

import base64
import hashlib
import html
from collections.abc import Iterator
from datetime import datetime

from activities.desks import DeskCounts
from triggers.dashboard_completion import PHASES, CompletionFacts
from triggers.dashboard_facts import FINDINGS_SHOWN_MAX, Aside, BatchFacts, Dashboard, SeatFacts
from triggers.dashboard_words import Words

RENEW_S = 60
# In capitals, because the sections beside it are named after batches, whose names have none.
COMPLETION_ID = "COMPLETION"
STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c; background: #fff; overflow-wrap: break-word; }
table { border-collapse: collapse; margin: .5rem 0 1rem; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; overflow-wrap: normal; }
.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.share { width: 45%; padding-right: 0; }
meter { width: 100%; }
section { border-top: 3px solid #4a5a7a; margin-top: 2rem; }
h1, h2 { line-height: 1.2; }
small { color: #555; font-weight: 400; }
ul.todo { border-left: 4px solid #b35c00; padding-left: 1.5rem; }
@media (max-width: 30rem) { body { font-size: 14px; } th, td { padding-right: .4rem; } }
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
        _completion(seen.completion, words),
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
        (int(batch.is_held_up), words.do_held_up),
        (int(batch.has_refused_upload), words.do_upload),
        (int(batch.has_difference), words.do_difference),
        (batch.ready_count, words.do_cutover),
        (batch.doubled_count, words.do_doubled),
    )
    yield from (text.format(count=count) for count, text in counted if count)
    if batch.planned_first_utc is not None:
        instant = _instant(batch.planned_first_utc)
        yield words.do_wait_cutover.format(count=batch.planned_count, instant=instant)
    if batch.desks is not None and batch.desks.left_count:
        yield words.do_desks.format(count=batch.desks.left_count)


def completion_to_do(completion: CompletionFacts, words: Words) -> Iterator[str]:
    """What the completion waits for a person for; to begin it is not due because nobody has begun it."""
    if completion.is_begun and completion.awaited_word:
        yield words.do_word.format(word=completion.awaited_word)
    if completion.needs_zone:
        yield words.do_zone.format(count=completion.finding_count)


def _to_do(seen: Dashboard, words: Words) -> Markup:
    held = [element("li", words.do_held)] if seen.tenant.holds_cutovers else []
    findings = [words.do_tenant.format(finding=each) for each in seen.tenant.findings]
    lines = [*held, *(element("li", text) for text in findings)]
    lines += [
        element("li", element("a", words.completion, href=f"#{COMPLETION_ID}"), " ", text)
        for text in completion_to_do(seen.completion, words)
    ]
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


def _completion(completion: CompletionFacts, words: Words) -> Markup:
    about = dict(words.completion_phases).get(completion.phase, completion.phase)
    if not completion.is_begun:
        return element("p", f"{words.completion}: {about}", id=COMPLETION_ID)
    since = _instant(completion.since_utc) if completion.since_utc else ""
    place = words.completion_step.format(
        phase=completion.phase, step=completion.step, whole=len(PHASES), instant=since
    )
    parts = [
        element("h2", words.completion, " ", element("small", place)),
        element("p", about),
        *(element("p", text) for text in completion_state(completion, words)),
    ]
    shown = completion.findings[:FINDINGS_SHOWN_MAX]
    if shown:
        parts.append(element("ul", *(element("li", each) for each in shown)))
    left_out_count = len(completion.findings) - len(shown)
    if left_out_count:
        parts.append(element("p", words.aside_left_out.format(count=left_out_count)))
    return element("section", *parts, id=COMPLETION_ID)


def completion_state(completion: CompletionFacts, words: Words) -> Iterator[str]:
    """What it waits for, sentence by sentence."""
    if completion.awaited_word:
        yield words.completion_word.format(word=completion.awaited_word)
    if completion.said_word:
        yield words.completion_said.format(word=completion.said_word)
    if completion.forgotten_utc is not None:
        yield words.completion_waits.format(instant=_instant(completion.forgotten_utc))
    if completion.open_batch_count and not completion.is_complete:
        yield words.completion_open.format(count=completion.open_batch_count)
    if completion.is_closed:
        yield words.completion_closed
    if completion.looked_utc is not None:
        yield words.completion_looked.format(
            instant=_instant(completion.looked_utc), count=completion.finding_count
        )


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
    heads = (words.licence, words.bought, words.used, words.free)
    return _table(words.seats, heads, rows, counts=range(1, 4))


def _section(batch: BatchFacts, words: Words, docs_url: str) -> Markup:
    state = dict(words.states).get(batch.state, batch.state)
    about = f"{state}, {words.rows.format(count=batch.row_count)}" if batch.row_count else state
    parts = [element("h2", batch.name, " ", element("small", about))]
    if batch.refusal:
        parts.append(element("p", batch.refusal))
    if batch.counts or batch.way_back_count:
        parts += [_stages(batch, words), element("p", _syncs(batch, words))]
    if batch.begun_count:
        parts.append(element("p", words.begun.format(count=batch.begun_count)))
    if batch.aside:
        parts.append(_aside(batch, words, docs_url))
    if batch.desks is not None:
        parts += _desks(batch.desks, words)
    if batch.has_uncounted_desks:
        parts.append(element("p", words.desks_uncounted.format(batch=batch.name)))
    if not batch.is_whole:
        parts.append(element("p", words.not_whole))
    return element("section", *parts, id=batch.name)


def _stages(batch: BatchFacts, words: Words) -> Markup:
    counts = [(stage.value, count) for stage, count in batch.counts]
    if batch.way_back_count:
        counts.append((words.way_back, batch.way_back_count))
    whole = sum(count for _, count in counts)
    rows = [
        element("tr", element("td", name), _count(count), _share(count, whole))
        for name, count in counts
    ]
    return _table("", (words.stage, words.mailboxes, ""), rows, counts=range(1, 2))


def _desks(desks: DeskCounts, words: Words) -> list[Markup]:
    whole = desks.migrated_count
    rows = [
        element("tr", element("td", step), _count(done), _count(whole - done), _share(done, whole))
        for step, done in desks.done.items()
    ]
    heads = (words.desk_step, words.desk_done, words.desk_left, "")
    table = _table(words.desks, heads, rows, counts=range(1, 3))
    complete = words.desks_complete.format(count=desks.complete_count, whole=whole)
    return [table, element("p", complete)]


def _share(count: int, whole: int) -> Markup:
    meter = element("meter", "", min="0", max=str(max(1, whole)), value=str(count))
    return element("td", meter, class_="share")


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


def _table(
    caption: str, heads: tuple[str, ...], rows: list[Markup], counts: range = range(0)
) -> Markup:
    """A table; `counts` are the columns that hold figures."""
    kinds = ["count" if place in counts else "text" for place in range(len(heads))]
    cells = zip(heads, kinds, strict=True)
    head = element("tr", *(element("th", each, scope="col", class_=kind) for each, kind in cells))
    title = [element("caption", caption)] if caption else []
    return element("table", *title, element("thead", head), element("tbody", *rows))


def _count(count: int) -> Markup:
    return element("td", str(count), class_="count")


def _instant(instant_utc: datetime) -> str:
    return f"{instant_utc:%Y-%m-%d %H:%M} UTC"
