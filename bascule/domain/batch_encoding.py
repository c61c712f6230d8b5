"""Which characters the bytes of a batch file stand for.

Excel and Windows editors write UTF-8 with a byte order mark, UTF-16, or the Windows code page, depending on the menu
entry; other systems write UTF-8. The mark decides when there is one; NUL bytes betray UTF-16, because a header is ASCII.
"""

import codecs
from dataclasses import dataclass

from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake, whole_file

# Exchange refuses a larger CSV (Microsoft Learn, CSV files for IMAP migration batches).
FILE_SIZE_MAX_BYTES = 10 * 1024 * 1024
# The header's first name alone is longer; its NULs show which half of each pair is empty.
SAMPLE_BYTES = 24

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16-be"),
)


@dataclass(frozen=True)
class Decoded:
    """The text of a file, without byte order mark, and how it was found."""

    text: str
    encoding: str
    """`utf-8`, `utf-8-sig`, `utf-16-le`, `utf-16-be` or `windows-1252`."""
    warnings: tuple[Mistake, ...] = ()


def decode_file(raw: bytes) -> Decoded:
    """The text that `raw` stands for.

    Raises:
        BatchFileInvalid: too large, empty, or in no encoding we know.
    """
    if len(raw) > FILE_SIZE_MAX_BYTES:
        raise whole_file("is larger than 10 MB", "Cut it into several batches")
    for mark, name, codec in _MARKS:
        if raw.startswith(mark):
            return Decoded(_strictly(raw[len(mark) :], codec), name)
    codec = _unmarked_utf16(raw)
    if codec:
        return Decoded(_strictly(raw, codec), codec)
    try:
        return Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        return _as_windows_1252(raw, error.start)


def _unmarked_utf16(raw: bytes) -> str:
    sample = raw[:SAMPLE_BYTES]
    first, second = sample[0::2], sample[1::2]
    if second and not any(second) and all(first):
        return "utf-16-le"
    if second and not any(first) and all(second):
        return "utf-16-be"
    return ""


def _strictly(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        line = raw[: error.start].decode(codec, "replace").count("\n") + 1
        what = f"has bytes that are no {codec.upper()}, which its beginning promises"
        raise _unreadable(line, what) from None


def _as_windows_1252(raw: bytes, foreign_at: int) -> Decoded:
    """Windows-1252 leaves five byte values undefined; a file with one of them is something else."""
    try:
        text = raw.decode("windows-1252")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _unreadable(line, "has bytes that are neither UTF-8 nor Windows-1252") from None
    warning = Mistake(
        raw[:foreign_at].count(b"\n") + 1,
        0,
        "",
        "is no UTF-8; the file was read as Windows-1252",
        "Check names and passwords with accents, or save the file as UTF-8",
    )
    return Decoded(text, "windows-1252", (warning,))


def _unreadable(line: int, what: str) -> BatchFileInvalid:
    return BatchFileInvalid((Mistake(line, 0, "", what, "Save the file as UTF-8"),))
