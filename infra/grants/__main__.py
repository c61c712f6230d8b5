"""Grant, check or revoke what the app may do in Microsoft 365. How and when: docs/how-to/deploy.md.

az login
python -m infra.grants app --principal-id ID --client-id ID [--with POWER ...] [--confine-mail FILTER] [--check | --revoke]
python -m infra.grants sign-in --name "Bascule prod" [--url URL --principal-id ID] [--check | --revoke]
"""

import argparse
import sys
from collections.abc import Sequence

from infra.grants.app_roles import Grant, grant_missing, grants_of, revoke
from infra.grants.browser_sign_in import BrowserEntrance
from infra.grants.exchange import (
    lines_to_check,
    lines_to_grant,
    lines_to_revoke,
    lines_to_revoke_all,
)
from infra.grants.graph import GrantRefused, Graph, token_of_the_azure_cli
from infra.grants.sign_in import (
    find_sign_in,
    lacks,
    make_sign_in,
    open_to_browsers,
    remove_sign_in,
)
from infra.grants.wanted import MAIL_ROLES, POWERS


def main(words: Sequence[str], graph: Graph | None = None) -> int:
    """Do what the words say; 0 when all is as it has to be, 1 when not."""
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.what == "sign-in" and bool(asked.url) != bool(asked.principal_id):
        parser.error("--url and --principal-id go together")
    if asked.what == "app" and asked.revoke and asked.confine_mail:
        parser.error(
            "--revoke takes the rights to mail away wherever they are, without --confine-mail"
        )
    door = graph or Graph(token_of_the_azure_cli())
    try:
        return _app(door, asked) if asked.what == "app" else _sign_in(door, asked)
    except GrantRefused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 1


def _app(graph: Graph, asked: argparse.Namespace) -> int:
    if asked.revoke:
        return _revoke(graph, asked)
    identity, mail_filter = asked.principal_id, asked.confine_mail or ""
    grants = _grants(graph, asked)
    if not asked.check:
        _say("granted", grant_missing(graph, identity, grants))
        lines = lines_to_grant(asked.client_id, identity, asked.powers, mail_filter)
        _say_lines(
            "Then, in PowerShell as an Exchange administrator, what is not there yet:", lines
        )
        grants = _grants(graph, asked)
    missing = [each.name for each in grants if each.is_wanted and not each.assignment]
    spare = [_spare(each.name) for each in grants if not each.is_wanted]
    _say("missing", missing)
    _say("spare, take it away", spare)
    if asked.check:
        lines = lines_to_check(identity, asked.powers, mail_filter)
        _say_lines("In PowerShell, to be compared:", lines)
    return 1 if missing or spare else 0


def _grants(graph: Graph, asked: argparse.Namespace) -> list[Grant]:
    is_confined = bool(asked.confine_mail)
    return grants_of(graph, asked.principal_id, asked.powers, is_mail_confined=is_confined)


def _revoke(graph: Graph, asked: argparse.Namespace) -> int:
    grants = grants_of(graph, asked.principal_id, asked.powers)
    lines = lines_to_revoke_all(asked.principal_id)
    if asked.powers:
        # Only what these powers have brought; what moves mailboxes stays.
        brought = {right.name for power in asked.powers for right in POWERS[power].graph}
        grants = [each for each in grants if each.name in brought]
        lines = lines_to_revoke(asked.powers)
    _say("revoked", revoke(graph, asked.principal_id, grants))
    _say_lines("Then, in PowerShell:", lines)
    return 0


def _spare(name: str) -> str:
    if name in {right.name for right in MAIL_ROLES}:
        return f"{name} (it reaches every mailbox: Exchange does not narrow it)"
    power = next((p.name for p in POWERS.values() if name in {r.name for r in p.graph}), "")
    return f"{name} (of the power {power})" if power else name


def _sign_in(graph: Graph, asked: argparse.Namespace) -> int:
    if asked.revoke:
        print("removed" if remove_sign_in(graph, asked.name) else "there is none")
        return 0
    entrance = BrowserEntrance(asked.url, asked.principal_id) if asked.url else None
    if not asked.check:
        print(f"application id: {make_sign_in(graph, asked.name)}")
        if entrance is not None:
            open_to_browsers(graph, asked.name, entrance)
    missing = lacks(graph, find_sign_in(graph, asked.name), entrance)
    _say("missing", missing)
    return 1 if missing else 0


def _say(what: str, names: Sequence[str]) -> None:
    print(f"{what}: {', '.join(names) or 'nothing'}")


def _say_lines(head: str, lines: Sequence[str]) -> None:
    print("\n".join([head, *(f"    {line}" for line in lines)]))


def _recipient_filter(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(
            "a recipient filter of Exchange, such as \"Department -eq 'Pupils'\""
        )
    return text.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.grants", description=__doc__.splitlines()[0]
    )
    kinds = parser.add_subparsers(dest="what", required=True)
    app = kinds.add_parser("app", help="rights of the app's identity")
    app.add_argument("--principal-id", required=True, help="object id of the identity")
    app.add_argument("--client-id", required=True, help="application id of the identity")
    app.add_argument(
        "--with",
        dest="powers",
        nargs="+",
        default=[],
        choices=sorted(POWERS),
        help="further powers, each with its own rights",
    )
    app.add_argument(
        "--confine-mail",
        metavar="FILTER",
        type=_recipient_filter,
        help="grant the rights to mail in Exchange, for the recipients that fit this filter, and not for every mailbox",
    )
    sign_in = kinds.add_parser(
        "sign-in", help="registration through which people sign in to the API"
    )
    sign_in.add_argument("--name", required=True, help="display name of the registration")
    sign_in.add_argument("--url", default="", help="address of the deployed app, for browsers")
    sign_in.add_argument("--principal-id", default="", help="object id of the app's identity")
    for kind in (app, sign_in):
        _add_ways(kind)
    return parser


def _add_ways(kind: argparse.ArgumentParser) -> None:
    way = kind.add_mutually_exclusive_group()
    way.add_argument(
        "--check",
        action="store_true",
        help="change nothing; 1 when something is missing or spare",
    )
    way.add_argument(
        "--revoke",
        action="store_true",
        help="take away: the powers named, otherwise everything",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
