"""Letters with passwords: every name can be read on them, or none is made."""

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from bascule.domain.hand_out import Person
from bascule.domain.hand_out_form import HandOutRow
from cli.errors import WrongUse
from cli.letters import check_printer, checked_text, letters_pdf

CANARY = "Kanari-vogel-7"


def test_letters_need_letters_for_every_name() -> None:
    """A letter to ??? is thrown away by its reader."""
    person = Person("li@example.org", "李娜")

    with pytest.raises(WrongUse, match="--font"):
        letters_pdf([HandOutRow(person, CANARY)])
    with pytest.raises(WrongUse, match="NOBODY"):
        checked_text("%USER_ID% %NOBODY%")
    assert letters_pdf([HandOutRow(Person("z@example.org", "Zoé"), CANARY)]).startswith(b"%PDF-")


def test_a_font_that_is_brought_needs_letters_for_every_name_as_well(tmp_path: Path) -> None:
    """A letter with empty boxes opens nothing either."""
    font = two_letter_font(tmp_path / "two.ttf", "Zé")
    both = [HandOutRow(Person("zé", "Zé"), "é"), HandOutRow(Person("li", "李娜"), "Z")]
    text = "%USER_PASSWORD%\n%DISPLAY_NAME%"

    with pytest.raises(WrongUse, match="1 names: li"):
        letters_pdf(both, text, font)
    assert letters_pdf(both[:1], text, font).startswith(b"%PDF-")


def two_letter_font(path: Path, letters: str) -> Path:
    """A TrueType font that has just these letters, each a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 500), (500, 500), (500, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"sign{ord(letter)}" for letter in letters)]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(letter): f"sign{ord(letter)}" for letter in letters})
    font.setupGlyf(dict.fromkeys(names, square))
    font.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Two", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)
    return path


@pytest.mark.parametrize("name", ["there-is-none.ttf", "folder.ttf", "words.ttf", "words.txt"])
def test_a_font_that_cannot_be_read_is_wrong_use(tmp_path: Path, name: str) -> None:
    """A name with a slip in it is no fault of the program."""
    (tmp_path / "folder.ttf").mkdir()
    for words in ("words.ttf", "words.txt"):
        (tmp_path / words).write_text("no font", encoding="utf-8")

    with pytest.raises(WrongUse, match=name):
        check_printer(tmp_path / name)
