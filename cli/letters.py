"""Letters with new passwords as a PDF, one page a person, made on the operator's own machine."""

import re
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bascule.domain.hand_out_form import FIELDS, HandOutRow
from cli.errors import WrongUse

if TYPE_CHECKING:
    from fpdf import FPDF

TEXT = """%DISPLAY_NAME%
%COHORT% %UNIT%


Your account at Microsoft 365

    Sign-in name     %USER_ID%
    Password         %USER_PASSWORD%

Sign in at https://www.office.com. Keep this letter to yourself, and destroy it once you have signed in.
"""
TEXT_LENGTH_MAX = 5_000
FONT_SIZE = 11
# Courier, which every PDF has, tells 0 from O and 1 from l; a font that is brought should do the same.
BUILT_IN_FONT = "Courier"
FONT = "letter"
# These move the pen and are not drawn.
LAYOUT = frozenset("\n\r\t")
BUILT_IN_ENCODING = "windows-1252"
LINE_HEIGHT_MM = 6
MARGIN_MM = 25
_FIELD = re.compile(r"%([A-Z_]+)%")


def checked_text(text: str) -> str:
    """The operator's own words, if every field in them exists. Raises WrongUse."""
    unknown = sorted({name for name in _FIELD.findall(text) if name not in FIELDS})
    if unknown:
        raise WrongUse(f"the letter has fields that are not known: {', '.join(unknown)}")
    if len(text) > TEXT_LENGTH_MAX:
        raise WrongUse(f"the letter is longer than {TEXT_LENGTH_MAX} characters")
    return text


def check_printer(font: Path | None) -> None:
    """Before a password is fetched: letters could be made, with this font. Raises WrongUse."""
    with _paper(font):
        pass


def letters_pdf(rows: Sequence[HandOutRow], text: str = TEXT, font: Path | None = None) -> bytes:
    """A PDF with a page for each row, in the order given.

    Raises:
        WrongUse: fpdf2 is not installed, or the font has not all letters of somebody's name.
    """
    pages = [_filled(text, row) for row in rows]
    with _paper(font) as paper:
        _check_letters(rows, pages, _letters_of(font) if font else None)
        paper.set_font(FONT if font else BUILT_IN_FONT, size=FONT_SIZE)
        for page in pages:
            paper.add_page()
            paper.multi_cell(0, LINE_HEIGHT_MM, page, align="L")
        return bytes(paper.output())


@contextmanager
def _paper(font: Path | None) -> "Iterator[FPDF]":
    try:
        from fpdf import FPDF  # noqa: PLC0415  a package that only letters need
        from fpdf.fonts import TTFFont  # noqa: PLC0415
    except ImportError as missing:
        raise WrongUse("letters need the package fpdf2: pip install 'fpdf2>=2.8,<3'") from missing
    paper = FPDF(format="A4")
    paper.set_margin(MARGIN_MM)
    paper.set_title("Letters")
    if font is not None:
        # Read whole before fpdf2 does, which leaves a file open that it cannot read.
        _letters_of(font)
        try:
            paper.add_font(FONT, fname=str(font))
        except ValueError as error:
            raise _unreadable(font, error) from error
    try:
        yield paper
    finally:
        for each in paper.fonts.values():
            if isinstance(each, TTFFont):
                each.ttfont.close()


def _letters_of(font: Path) -> frozenset[int]:
    """The code points that a font has. Raises WrongUse."""
    from fontTools.ttLib import TTFont, TTLibError  # noqa: PLC0415  comes with fpdf2

    try:
        return frozenset(TTFont(BytesIO(font.read_bytes()), fontNumber=0).getBestCmap() or ())
    except (OSError, TTLibError, KeyError) as error:
        raise _unreadable(font, error) from error


def _unreadable(font: Path, error: Exception) -> WrongUse:
    return WrongUse(f"--font: {font} is no TrueType font that can be read: {error}")


def _filled(text: str, row: HandOutRow) -> str:
    def put(found: re.Match[str]) -> str:
        return FIELDS[found[1]](row)

    return _FIELD.sub(put, text)


def _check_letters(
    rows: Sequence[HandOutRow], pages: Sequence[str], letters: frozenset[int] | None
) -> None:
    """A letter with question marks or empty boxes for a name would be thrown away by its reader."""
    unprintable = [
        row.person.address
        for row, page in zip(rows, pages, strict=True)
        if not _is_printable(page, letters)
    ]
    if unprintable:
        named = ", ".join(unprintable[:5])
        raise WrongUse(f"bring a --font that has the letters of {len(unprintable)} names: {named}")


def _is_printable(page: str, letters: frozenset[int] | None) -> bool:
    """`letters` are the code points that the font has; None: those of the built-in one."""
    if letters is not None:
        return all(ord(sign) in letters for sign in page if sign not in LAYOUT)
    try:
        page.encode(BUILT_IN_ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def file_name_of(text: str) -> str:
    """A unit or cohort as part of a file's name."""
    kept = string.ascii_letters + string.digits + "-_."
    return "".join(sign if sign in kept else "-" for sign in text).strip("-.") or "none"
