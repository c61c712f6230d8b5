"""How a noun adds its verbs: every verb has a `run`, and `--json` for scripts.

def add_to(commands: Nouns) -> None:
    verbs = add_noun(commands, "batches", "batches of mailboxes")
    show = add_verb(verbs, "show", run_show, "one batch")
    show.add_argument("batch")
"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    # The class is generic for type checkers only.
    Nouns: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Nouns = argparse._SubParsersAction

# A verb's work: takes the parsed words, prints, and answers the exit code.
Run = Callable[[argparse.Namespace], int]

JSON_OPTION = argparse.ArgumentParser(add_help=False)
JSON_OPTION.add_argument("--json", action="store_true", help="print JSON, for scripts")


def add_noun(nouns: Nouns, name: str, meaning: str) -> Nouns:
    """A noun without verbs yet; answers where its verbs are added."""
    noun = nouns.add_parser(name, help=meaning, description=meaning)
    return noun.add_subparsers(title="verbs", metavar="VERB", required=True)


def add_verb(verbs: Nouns, name: str, run: Run, meaning: str) -> argparse.ArgumentParser:
    """A verb of a noun, or a noun that is its own verb; answers its parser, for its arguments."""
    verb = verbs.add_parser(name, help=meaning, description=meaning, parents=[JSON_OPTION])
    verb.set_defaults(run=run)
    return verb
