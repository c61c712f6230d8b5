"""`bascule completion`: the end of the migration, its words, and public DNS."""

import argparse
from typing import Any

from bascule.domain.completion import Word
from bascule.domain.dns_findings import SpfAim
from cli.output import facts, show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb

FINDING_COLUMNS = ("kind", "name", "detail", "servers")


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "completion", "the end of the migration")
    add_verb(verbs, "show", _show, "where it stands, what is waited for, and who holds it up")
    word = add_verb(verbs, "say", _say, "say a word about a step")
    word.add_argument("word", choices=[word.value for word in Word])
    dns = add_verb(verbs, "dns", _dns, "the plan's domains in public DNS, now")
    dns.add_argument(
        "--aim", choices=sorted(SpfAim), default=SpfAim.BOTH, help="whom SPF must let send"
    )


def _show(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("tenant", "completion")
    show(asked, answer, _told(answer))
    return 0


def _told(answer: dict[str, Any]) -> str:
    lists = ("findings", "zone_difference")
    parts = [facts({name: value for name, value in answer.items() if name not in lists})]
    parts += ["\n".join([f"{name}:", *answer[name]]) for name in lists if answer.get(name)]
    return "\n\n".join(parts)


def _say(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.post("tenant", "complete", body={"step": asked.word})
    show(asked, answer, f"said {asked.word}; look with: bascule completion show")
    return 0


def _dns(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("tenant", "dns", aim=str(asked.aim))
    show(asked, answer, "\n\n".join(_domain(each) for each in answer["domains"]))
    return 0


def _domain(look: dict[str, Any]) -> str:
    found = look["findings"] + look["high_ttls"]
    return "\n".join(
        [f"; {look['domain']}", *look["difference"], "", table(found, FINDING_COLUMNS, "all right")]
    )
