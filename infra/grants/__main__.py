"""Grant, check or revoke what the app may do in Microsoft 365. How and when: docs/how-to/deploy.md.

az login
python -m infra.grants app --principal-id ID --client-id ID [--check | --revoke]
python -m infra.grants sign-in --name "Bascule prod" [--url URL --principal-id ID] [--check | --revoke]
"""

import argparse
import sys
from collections.abc import Sequence

from infra.grants.app_roles import grant_missing, grants_of, revoke_all
from infra.grants.browser_sign_in import BrowserEntrance
from infra.grants.exchange import lines_to_check, lines_to_grant, lines_to_revoke
from infra.grants.graph import GrantRefused, Graph, token_of_the_azure_cli
from infra.grants.sign_in import (
    find_sign_in,
    lacks,
    make_sign_in,
    open_to_browsers,
    remove_sign_in,
)
from infra.grants.wanted import EXCHANGE_ROLES


def main(words: Sequence[str], graph: Graph | None = None) -> int:
    """Do what the words say; 0 when all is as it has to be, 1 when not."""
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.what == "sign-in" and bool(asked.url) != bool(asked.principal_id):
        parser.error("--url and --principal-id go together")
    door = graph or Graph(token_of_the_azure_cli())
    try:
        return _app(door, asked) if asked.what == "app" else _sign_in(door, asked)
    except GrantRefused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 1


def _app(graph: Graph, asked: argparse.Namespace) -> int:
    grants = grants_of(graph, asked.principal_id)
    if asked.revoke:
        _say("revoked", revoke_all(graph, asked.principal_id, grants))
        _say_lines("Then, in PowerShell:", lines_to_revoke(asked.principal_id))
        return 0
    if not asked.check:
        _say("granted", grant_missing(graph, asked.principal_id, grants))
        lines = lines_to_grant(asked.client_id, asked.principal_id)
        _say_lines("Then, once, in PowerShell as an Exchange administrator:", lines)
        grants = grants_of(graph, asked.principal_id)
    missing = [each.name for each in grants if each.is_wanted and not each.assignment]
    spare = [each.name for each in grants if not each.is_wanted]
    _say("missing", missing)
    _say("spare, take it away", spare)
    if asked.check:
        roles = ", ".join(each.name for each in EXCHANGE_ROLES)
        _say_lines(f"In PowerShell, to be compared with: {roles}", lines_to_check())
    return 1 if missing or spare else 0


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.grants", description=__doc__.splitlines()[0]
    )
    kinds = parser.add_subparsers(dest="what", required=True)
    app = kinds.add_parser("app", help="rights of the app's identity")
    app.add_argument("--principal-id", required=True, help="object id of the identity")
    app.add_argument("--client-id", required=True, help="application id of the identity")
    sign_in = kinds.add_parser(
        "sign-in", help="registration through which people sign in to the API"
    )
    sign_in.add_argument("--name", required=True, help="display name of the registration")
    sign_in.add_argument("--url", default="", help="address of the deployed app, for browsers")
    sign_in.add_argument("--principal-id", default="", help="object id of the app's identity")
    for kind in (app, sign_in):
        way = kind.add_mutually_exclusive_group()
        way.add_argument(
            "--check",
            action="store_true",
            help="change nothing; 1 when something is missing or spare",
        )
        way.add_argument("--revoke", action="store_true", help="take everything away again")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
