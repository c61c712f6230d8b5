"""The dashboard: right figures, harmless whatever somebody is called, bounded whatever was uploaded."""

import asyncio
import itertools
from collections.abc import Iterable
from datetime import timedelta
from string import Formatter

import pytest

import triggers.dashboard
from bascule.domain.codes import Code
from bascule.domain.directory import Sku
from bascule.domain.records import (
    MailboxRecord,
    StandingHoldUp,
    StandingRefusal,
    hold_up_document,
    refusal_document,
)
from bascule.domain.stages import Stage
from bascule.domain.tenant import Difference, Part
from bascule.domain.tenant_records import DRIFT, RECORD, Drift, Finding, TenantRecord
from tests.end_to_end.rehearsal import STUDENT
from tests.triggers.dashboard_desk import NASTY, NOW_UTC, Desk, Reader, batch, mailbox
from tests.triggers.signed_in import principal, request
from triggers.dashboard_facts import (
    ASIDE_SHOWN_MAX,
    BATCHES_SHOWN_MAX,
    FINDINGS_SHOWN_MAX,
    ROWS_READ_MAX,
    SEATS_AGE_S,
)
from triggers.dashboard_page import CONTENT_SECURITY_POLICY, STYLE, page, to_do
from triggers.dashboard_words import ENGLISH, FRENCH, Words, words_for


def test_an_empty_tenant_has_a_page() -> None:
    """The first thing a new operator opens must not be an error."""
    text = page(Desk(stock=[]).seen(), ENGLISH)

    assert ENGLISH.no_batch in Reader(text).texts
    assert ENGLISH.nothing_to_do in Reader(text).texts


def test_the_figures_of_a_batch_are_the_ledgers() -> None:
    """Who trusts the page plans the night of the cutover by it."""
    old_utc, new_utc = NOW_UTC - timedelta(hours=30), NOW_UTC - timedelta(hours=1)
    planned_utc = NOW_UTC + timedelta(days=1)
    rows = [
        mailbox(1, last_synced_utc=old_utc),
        mailbox(2, last_synced_utc=new_utc),
        mailbox(3, last_synced_utc=new_utc, cutover_at_utc=planned_utc),
        mailbox(4, Stage.SET_ASIDE, code=Code.NO_SEAT, detail="one is missing"),
        mailbox(5, Stage.MIGRATED, seen_utc=NOW_UTC - timedelta(days=9)),
        mailbox(6, Stage.ABANDONED, seen_utc=NOW_UTC - timedelta(days=9), code=Code.NO_SEAT),
    ]
    books = [batch("pilot", pending_fingerprint="f")]
    papers: dict[str, object] = {refusal_document("pilot"): StandingRefusal("c", "d", NOW_UTC)}
    [facts] = Desk(rows={"pilot": rows}, books=books, papers=papers).seen().batches

    assert facts.counts == (
        (Stage.SYNCED, 3),
        (Stage.MIGRATED, 1),
        (Stage.SET_ASIDE, 1),
        (Stage.ABANDONED, 1),
    )
    assert [(each.address, each.code) for each in facts.aside] == [("m4@example.org", "no_seat")]
    assert (facts.synced_first_utc, facts.synced_last_utc) == (old_utc, new_utc)
    assert (facts.late_count, facts.unmoved_count, facts.ready_count) == (1, 1, 2)
    assert (facts.planned_count, facts.planned_first_utc) == (1, planned_utc)
    assert len(list(to_do(facts, ENGLISH))) == 7


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=lambda words: words.language)
def test_a_cutover_that_has_begun_is_not_planned_any_more(words: Words) -> None:
    """A first instant that lies hours back looks like a cutover that does not come, and somebody asks once more."""
    old_utc, later_utc = NOW_UTC - timedelta(hours=3), NOW_UTC + timedelta(days=1)
    rows = [
        mailbox(1, cutover_at_utc=old_utc, detach_began_utc=old_utc),
        mailbox(2, cutover_at_utc=later_utc),
        mailbox(3),
    ]
    seen = Desk(rows={"pilot": rows}, books=[batch("pilot")]).seen()
    [facts] = seen.batches

    assert (facts.begun_count, facts.planned_count, facts.ready_count) == (1, 1, 1)
    assert facts.planned_first_utc == later_utc
    assert words.begun.format(count=1) in Reader(page(seen, words)).texts


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=lambda words: words.language)
def test_who_is_on_the_way_back_is_counted_apart(words: Words) -> None:
    """The page says MIGRATED of people whose mail is being carried home, and nobody knows when it is over."""
    rows = [
        mailbox(1, Stage.MIGRATED),
        mailbox(2, Stage.MIGRATED, rollback_began_utc=NOW_UTC),
        mailbox(3, Stage.SYNCED, detach_began_utc=NOW_UTC, rollback_began_utc=NOW_UTC),
        mailbox(4, Stage.SET_ASIDE, code=Code.NO_SEAT, rollback_began_utc=NOW_UTC),
    ]
    seen = Desk(rows={"pilot": rows}, books=[batch("pilot")]).seen()
    [facts] = seen.batches

    assert facts.counts == ((Stage.MIGRATED, 1), (Stage.SET_ASIDE, 1))
    assert (facts.way_back_count, facts.ready_count) == (2, 0)
    assert words.way_back in Reader(page(seen, words)).texts


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=lambda words: words.language)
def test_a_nasty_name_stays_a_name(words: Words) -> None:
    """A display name or a server's error text would run in the browser of whoever may cut over."""
    aside = mailbox(1, Stage.SET_ASIDE, address=NASTY, detail=NASTY, code=Code.NO_SEAT)
    sku = Sku(NASTY, STUDENT, 1, 1, ())
    desk = Desk(rows={"pilot": [aside]}, books=[batch("pilot")], stock=[sku])
    plain, linked = Reader(page(desk.seen(), words)), Reader(page(desk.seen(), words, NASTY))

    for read in (plain, linked):
        assert read.open == []
        assert not {"script", "img", "form", "iframe", "link"} & set(read.elements)
        assert not {each for each in read.attributes if each.startswith("on")} | (
            read.attributes & {"src", "style"}
        )
        assert NASTY in read.texts


def test_a_style_of_its_own_is_all_that_a_browser_takes() -> None:
    """The second lock: what slipped through the escaping neither runs nor loads."""
    text = page(Desk(stock=[]).seen(), ENGLISH)

    assert f"<style>{STYLE}</style>" in text
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_fifty_thousand_rows_are_read_once_and_shown_in_part() -> None:
    """One look of a person must not hold up the steps of the same worker."""
    aside = mailbox(0, Stage.SET_ASIDE, code=Code.NO_SEAT)
    books = [batch("pilot"), batch("second"), batch("third")]
    rows: dict[str, Iterable[MailboxRecord]] = {
        name: itertools.repeat(aside, 50_000) for name in ("pilot", "second")
    }
    desk = Desk(rows=rows | {"third": [aside]}, books=books)
    seen = desk.seen()
    text = page(seen, ENGLISH)

    assert [each.aside_count for each in seen.batches] == [50_000, ROWS_READ_MAX - 50_000, 0]
    assert [each.is_whole for each in seen.batches] == [True, False, False]
    assert desk.read_count <= ROWS_READ_MAX + 2
    assert text.count("m0@example.org") == 2 * ASIDE_SHOWN_MAX
    assert ENGLISH.not_whole in text
    assert len(text) < 100_000


def test_old_batches_are_left_out_and_closed_ones_not_read() -> None:
    """After two years the page must still open at once."""
    closed = [batch(f"old-{n}", closed_utc=NOW_UTC) for n in range(BATCHES_SHOWN_MAX + 9)]
    desk = Desk(
        rows={each.name: [mailbox(1)] for each in closed}, books=[*closed, batch("pilot")], stock=[]
    )
    seen = desk.seen()

    assert seen.batches[0].name == "pilot"
    assert len(seen.batches) == BATCHES_SHOWN_MAX
    assert seen.batches_left_out_count == 10
    assert desk.read_count == 0
    assert ENGLISH.batches_left_out.format(count=10) in page(seen, ENGLISH)


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=lambda words: words.language)
def test_a_batch_that_was_refused_whole_waits_for_somebody(words: Words) -> None:
    """The evening before D-day the page said that nothing waits, and lot-7 was nowhere."""
    papers: dict[str, object] = {
        refusal_document("lot-7"): StandingRefusal("no_seat", NASTY, NOW_UTC - timedelta(hours=9)),
        refusal_document("lot-1"): StandingRefusal("no_seat", "x", NOW_UTC - timedelta(days=90)),
        hold_up_document("lot-8"): StandingHoldUp("answered 409", NOW_UTC),
    }
    seen = Desk(books=[batch("pilot")], papers=papers).seen()
    read = Reader(page(seen, words))

    assert [(each.name, each.state) for each in seen.batches] == [
        ("lot-7", "refused"),
        ("lot-8", "held up"),
        ("pilot", "running"),
    ]
    assert seen.batches_left_out_count == 0
    assert any(words.do_upload in text for text in read.texts)
    assert any(words.do_held_up in text for text in read.texts)
    assert f"no_seat: {NASTY}" in read.texts
    assert read.open == []
    assert "script" not in read.elements


def test_refused_batches_leave_the_page_bounded() -> None:
    """A folder of a hundred wrong files must not push everything else off a page of any length."""
    papers: dict[str, object] = {
        refusal_document(f"lot-{number}"): StandingRefusal("no_seat", "x", NOW_UTC)
        for number in range(BATCHES_SHOWN_MAX + 7)
    }
    seen = Desk(books=[batch("pilot")], papers=papers).seen()

    assert len(seen.batches) == BATCHES_SHOWN_MAX
    assert seen.batches_left_out_count == 8


def test_a_tenant_that_does_not_answer_leaves_the_rest_of_the_page() -> None:
    """When something is wrong people look here first."""
    text = page(Desk(books=[batch("pilot")]).seen(), ENGLISH)

    assert ENGLISH.seats_unknown in text
    assert "pilot" in text


def test_a_licence_without_a_free_seat_waits_for_somebody() -> None:
    """The next batch would be refused whole; and a page that is open all day must not ask the tenant every minute."""
    full, free = Sku("1", STUDENT, 10, 10, ()), Sku("2", "UNRELATED", 0, 0, ())
    desk = Desk(stock=[full, free])
    seen = desk.seen()

    assert desk.stock_age_max_s == SEATS_AGE_S
    assert ENGLISH.do_seats.format(licence=STUDENT) in page(seen, ENGLISH)
    assert "UNRELATED" not in page(seen, ENGLISH)


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=lambda words: words.language)
def test_a_tenant_that_is_not_as_recorded_waits_for_somebody_first(words: Words) -> None:
    """Mail may take another way than the one that was prepared: whoever looks must not overlook it."""
    rule = Difference(Part.RULE, NASTY, "missing", "there", "not there")
    many = tuple(Finding(rule, NOW_UTC) for _ in range(FINDINGS_SHOWN_MAX + 5))
    papers = {RECORD: TenantRecord((), NOW_UTC, "anna"), DRIFT: Drift(NOW_UTC, findings=many)}
    seen = Desk(papers=papers, stock=[], books=[batch("pilot")]).seen()
    read = Reader(page(seen, words))
    finding = words.do_tenant.format(finding=f"{Part.RULE} {NASTY}: missing")

    assert seen.tenant.holds_cutovers
    assert words.do_held in read.texts
    assert read.texts.count(finding) == FINDINGS_SHOWN_MAX
    assert read.open == []
    assert "script" not in read.elements


@pytest.mark.parametrize(
    ("papers", "state"),
    [
        ({}, "not_prepared"),
        ({RECORD: TenantRecord((), NOW_UTC, "anna")}, "unknown"),
        ({RECORD: TenantRecord((), NOW_UTC, "anna"), DRIFT: Drift(NOW_UTC)}, "as_recorded"),
    ],
)
def test_silence_of_the_guard_is_not_called_agreement(
    papers: dict[str, object], state: str
) -> None:
    """A guard that does not run would show a tenant as prepared for ever."""
    seen = Desk(papers=papers, stock=[]).seen()

    for words in (ENGLISH, FRENCH):
        assert words.tenant.format(state=dict(words.tenant_states)[state]) in page(seen, words)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.3,fr;q=0.7", "fr"),
        ("en,fr", "en"),
        ("fr;q=0", "en"),
        ("fr;q=much", "en"),
        ("*", "en"),
    ],
)
def test_the_page_speaks_the_language_that_the_browser_asks_for(
    accepted: str, language: str
) -> None:
    """Schools in France run this, with people who read no English."""
    assert words_for(accepted).language == language


def test_both_languages_say_the_same_figures() -> None:
    """A placeholder that one language lacks breaks the page for half of the people."""
    for name, english in vars(ENGLISH).items():
        french = vars(FRENCH)[name]
        assert type(english) is type(french)
        if isinstance(english, str):
            assert _gaps(english) == _gaps(french)
            assert french


def test_the_page_is_for_readers_and_kept_by_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of people stand on it."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "required")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    monkeypatch.setenv("BASCULE_DOCS_URL", "https://docs.example.org/bascule")
    aside = mailbox(1, Stage.SET_ASIDE, code=Code.NO_SEAT)
    desk = Desk(rows={"pilot": [aside]}, books=[batch("pilot")])
    monkeypatch.setattr(triggers.dashboard, "ports", lambda: desk)
    show = triggers.dashboard.show_dashboard._function.get_user_function()

    refused = asyncio.run(show(request()))
    shown = asyncio.run(show(request(header=principal("Reader"))))

    assert (refused.status_code, shown.status_code) == (401, 200)
    assert shown.mimetype == "text/html"
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert b'href="https://docs.example.org/bascule/how-to/codes/no_seat.md"' in shown.get_body()


def _gaps(text: str) -> list[str]:
    return sorted(gap for _, gap, _, _ in Formatter().parse(text) if gap)
