"""What is wrong in a batch file, and where. No message ever repeats a cell: it may hold a password."""

from dataclasses import dataclass

from bascule.domain.errors import BasculeError

# An error text is for a person; whoever wants all of them reads `mistakes`.
SHOWN_COUNT_MAX = 100
# What a report names one by one: more than anybody mends before the next upload, and some 200 kB.
REPORTED_COUNT_MAX = 1_000


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """One thing to put right in the file, or to know about; sorts by place."""

    line: int
    """Physical line of the file on which the row begins, from 1; 0: the file as a whole."""
    column: int
    """Number of the field in its row, from 1; 0: the row as a whole."""
    column_name: str
    """Name of that column as Exchange and we spell it; empty when the column has none."""
    what: str
    todo: str

    def __str__(self) -> str:
        parts = []
        if self.line:
            parts.append(f"line {self.line}")
        if self.column:
            parts.append(
                f"column {self.column}" + (f" ({self.column_name})" if self.column_name else "")
            )
        return f"{', '.join(parts) or 'the file'}: {self.what}. {self.todo}"


class BatchFileInvalid(BasculeError):
    """The file cannot be used; `mistakes` names everything to put right, sorted by line and column."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        shown = [str(mistake) for mistake in mistakes[:SHOWN_COUNT_MAX]]
        if len(mistakes) > SHOWN_COUNT_MAX:
            shown.append(f"... and {len(mistakes) - SHOWN_COUNT_MAX} more")
        super().__init__(f"The batch file has {len(mistakes)} mistake(s):\n" + "\n".join(shown))
        self.mistakes = mistakes


def whole_file(what: str, todo: str) -> BatchFileInvalid:
    """The one mistake that leaves nothing else to say about a file."""
    return BatchFileInvalid((Mistake(0, 0, "", what, todo),))
