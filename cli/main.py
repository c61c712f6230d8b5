"""The command `bascule`: nouns and verbs. Each noun is a module that adds its own verbs."""

import argparse
import sys
from collections.abc import Sequence

from cli import (
    batches,
    completion,
    directory,
    forecast,
    licences,
    mailboxes,
    passwords,
    tenant,
    workstations,
)
from cli.errors import CommandError
from cli.output import harmless
from cli.verbs import Nouns, Run

NOUNS = (
    batches,
    mailboxes,
    licences,
    tenant,
    completion,
    directory,
    passwords,
    workstations,
    forecast,
)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words ask and return the exit code: 0 done, 1 refused by the service, 2 wrong use.

    Raises SystemExit(2) for words that are no command, as argparse does, and SystemExit(0) for --help.
    """
    asked = parser().parse_args(argv)
    run: Run = asked.run
    try:
        return run(asked)
    except CommandError as error:
        print(harmless(f"bascule: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Every noun and verb; a test holds docs/reference/command-line.md against it."""
    top = argparse.ArgumentParser(
        prog="bascule",
        description="Mailbox migration from Postfix and Dovecot to Microsoft 365.",
        epilog="BASCULE_URL names the app; docs/reference/command-line.md tells the rest.",
    )
    nouns: Nouns = top.add_subparsers(title="nouns", metavar="NOUN", required=True)
    for noun in NOUNS:
        noun.add_to(nouns)
    return top
