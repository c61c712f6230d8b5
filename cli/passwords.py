"""New passwords: taken away, brought in, reset, announced, printed as letters. No password is printed but an administrator's, once."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from bascule.domain.hand_out_form import (
    HandOutRow,
    fields_problem,
    misread_count,
    template_problem,
    written,
)
from bascule.domain.passwords import ADMINISTRATOR_LENGTH, administrator_password
from bascule.domain.plan import HandOutPlan
from cli.errors import Refused, WrongUse
from cli.hand_out import PAGE_COUNT_MAX, Fetched, count_as_handed_out, fetched
from cli.hand_out_files import private_folder, read_file, refuse_existing, write_private
from cli.letters import TEXT, check_printer, checked_text, file_name_of, letters_pdf
from cli.output import show, table
from cli.service import Service, open_service
from cli.verbs import Nouns, add_noun, add_verb
from cli.waiting import add_request, result_of, resumed


def add_to(nouns: Nouns) -> None:
    """Add the noun `passwords` and its verbs."""
    verbs = add_noun(nouns, "passwords", "new passwords of accounts")
    export = add_verb(verbs, "export", _export, "write new passwords into a file")
    _add_selection(export)
    _add_fetching(export)
    export.add_argument("--template", help="a line such as %%USER_ID%%;%%USER_PASSWORD%%")
    export.add_argument("--fields", help="columns with commas between, when there is no template")
    export.add_argument("--separator")
    export.add_argument("--header", help="first line; * for the fields' names, empty for none")
    export.add_argument("--encoding", choices=("utf-8", "utf-8-bom", "windows-1252"))
    export.add_argument(
        "--split-by", choices=("unit", "cohort"), help="one file for each, in a folder"
    )
    letters = add_verb(verbs, "letters", _letters, "write letters with new passwords as a PDF")
    _add_selection(letters)
    _add_fetching(letters)
    letters.add_argument("--text", help="a file with your own words and fields")
    letters.add_argument("--font", help="a TrueType font, for names in other alphabets")
    _add_changes(verbs)


def _add_changes(verbs: Nouns) -> None:
    brought = add_verb(verbs, "import", _import, "take in a list of passwords for the next reset")
    brought.add_argument("file", metavar="FILE")
    brought.add_argument("--map", required=True, help="columns: login=USER_ID,mdp=USER_PASSWORD")
    brought.add_argument("--dry-run", action="store_true", help="only check the list")
    reset = add_verb(verbs, "reset", _reset, "change the passwords of many accounts")
    _add_selection(reset)
    reset.add_argument("--rule", choices=("given", "pad", "random"))
    reset.add_argument(
        "--must-change", action="store_true", help="ask for another at first sign-in"
    )
    reset.add_argument("--dry-run", action="store_true", help="print exactly what would change")
    reset.add_argument("--no-wait", action="store_true", help="do not wait for what becomes of it")
    add_request(reset)
    tell = add_verb(verbs, "tell", _tell, "send the plan's notice about passwords, once each")
    _add_selection(tell)
    add_request(tell)
    first = add_verb(verbs, "administrator", _administrator, "a temporary password, shown once")
    first.add_argument("--account", help="set it for this account, too")
    first.add_argument("--length", type=int, help="8 to 16; not with --account")


def _add_selection(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("mailboxes", nargs="*", metavar="ADDRESS")
    verb.add_argument("--batch")
    verb.add_argument("--cohort")
    verb.add_argument("--unit")


def _add_fetching(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", required=True, help="the file to make; the folder with --split-by")
    verb.add_argument("--new-only", action="store_true", help="without those exported before")
    verb.add_argument("--uncertain", action="store_true", help="also those that may be others now")


def _export(asked: argparse.Namespace) -> int:
    out = Path(asked.out)
    # All of it before a password travels for nothing.
    _form(asked, HandOutPlan())
    if asked.split_by:
        private_folder(out)
    else:
        refuse_existing(iter([out]))
    taken = fetched(_wanted(asked))
    form = _form(asked, taken.form)
    try:
        files = {path: written(part, form) for path, part in _parts(asked, out, taken.rows)}
    except UnicodeEncodeError:
        raise WrongUse(f"a name has letters that {form.encoding} lacks: use utf-8-bom") from None
    refuse_existing(iter(files))
    for path, content in files.items():
        write_private(path, content)
    return _handed_out(asked, taken, files, misread_count(taken.rows, form))


def _letters(asked: argparse.Namespace) -> int:
    out = Path(asked.out)
    refuse_existing(iter([out]))
    text = checked_text(read_file(asked.text).decode("utf-8-sig")) if asked.text else TEXT
    font = Path(asked.font) if asked.font else None
    check_printer(font)
    taken = fetched(_wanted(asked))
    write_private(out, letters_pdf(taken.rows, text, font))
    return _handed_out(asked, taken, [out], 0)


def _handed_out(
    asked: argparse.Namespace, taken: Fetched, files: Iterable[Path], misread_count: int
) -> int:
    """Say where the passwords lie, and only then count them: what was not written is new for the next export."""
    count, uncertain_count = len(taken.rows), taken.uncertain_count
    answer = {"passwords": count, "uncertain": uncertain_count, "misread": misread_count}
    show(asked, {**answer, "files": [str(path) for path in files]}, _told(answer, files))
    count_as_handed_out(taken.rows)
    return 0


def _import(asked: argparse.Namespace) -> int:
    content = read_file(asked.file)
    dry_run = "true" if asked.dry_run else "false"
    with open_service() as service:
        answer = service.post(
            "passwords", "import", content=content, map=asked.map, dry_run=dry_run
        )
    done = "would be sealed" if asked.dry_run else "are sealed; a reset sets them"
    text = "\n".join([f"{answer['passwords']} passwords {done}", *answer["warnings"]])
    show(asked, answer, text)
    return 0


def _reset(asked: argparse.Namespace) -> int:
    known = resumed(asked)
    with open_service() as service:
        taken = known or service.post("passwords", "reset", body=_reset_wanted(asked))
        if asked.no_wait:
            show(asked, taken, f"asked as {taken['request']}")
            return 0
        result = result_of(service, taken["request"])
        lines = _lines(service, taken["request"])
    show(asked, {**result, "accounts": lines}, _said(result, lines))
    return 1 if result["refused_count"] or result["stopped"] else 0


def _reset_wanted(asked: argparse.Namespace) -> dict[str, Any]:
    body: dict[str, Any] = {**_selection(asked), "dry_run": asked.dry_run}
    body |= {"rule": asked.rule} if asked.rule else {}
    return body | ({"must_change": True} if asked.must_change else {})


def _tell(asked: argparse.Namespace) -> int:
    known = resumed(asked)
    with open_service() as service:
        taken = known or service.post("passwords", "tell", body=_selection(asked))
        result = result_of(service, taken["request"])
    show(asked, result, f"{result['told']} people were told")
    return 1 if result["stopped"] else 0


def _administrator(asked: argparse.Namespace) -> int:
    if asked.account:
        if asked.length is not None:
            raise WrongUse("--length goes without --account: the app makes that password")
        with open_service() as service:
            answer = service.post("passwords", "administrator", body={"address": asked.account})
        text = f"{answer['password']}\n\nShown once. {answer['address']} has to change it at the first sign-in."
    else:
        answer = {"password": _own_password(asked.length)}
        text = f"{answer['password']}\n\nShown once. It is set nowhere yet: type it where the account is made."
    show(asked, answer, text)
    return 0


def _own_password(length: int | None) -> str:
    try:
        return administrator_password(ADMINISTRATOR_LENGTH if length is None else length)
    except ValueError as wrong:
        raise WrongUse(str(wrong)) from None


def _selection(asked: argparse.Namespace) -> dict[str, Any]:
    chosen = {name: getattr(asked, name) for name in ("batch", "cohort", "unit", "mailboxes")}
    chosen = {name: value for name, value in chosen.items() if value}
    if not chosen:
        raise WrongUse("name addresses, or give --batch, --cohort or --unit")
    return chosen


def _wanted(asked: argparse.Namespace) -> dict[str, Any]:
    return {**_selection(asked), "new_only": asked.new_only, "uncertain": asked.uncertain}


def _form(asked: argparse.Namespace, form: HandOutPlan) -> HandOutPlan:
    """The plan's form with what the options say. Raises WrongUse."""
    if asked.fields:
        form = replace(form, fields=tuple(asked.fields.split(",")), template="")
    for name in ("template", "separator", "header", "encoding"):
        if getattr(asked, name) is not None:
            form = replace(form, **{name: getattr(asked, name)})
    problem = template_problem(form.template) if form.template else fields_problem(form.fields)
    if problem:
        raise WrongUse(f"the form {problem[0]}. {problem[1]}")
    if len(form.separator) != 1:
        raise WrongUse("--separator is one character")
    return form


def _parts(
    asked: argparse.Namespace, out: Path, rows: Sequence[HandOutRow]
) -> Iterator[tuple[Path, Sequence[HandOutRow]]]:
    """Which rows go into which file."""
    if not asked.split_by:
        yield out, rows
        return
    folder = private_folder(out)

    def name(row: HandOutRow) -> str:
        return file_name_of(getattr(row.person, asked.split_by))

    # By the file's name, not the unit's: two units that are spelt alike there share a file.
    for each, part in groupby(sorted(rows, key=name), name):
        yield folder / f"{each}.csv", list(part)


def _lines(service: Service, request: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    after = "0"
    for _ in range(PAGE_COUNT_MAX):
        page = service.get("passwords", "resets", request, after=after)
        lines += page["accounts"]
        after = page["after"]
        if not after:
            return lines
    raise Refused(
        f"{request} is done, and its report has more than {PAGE_COUNT_MAX} pages: "
        f"GET /api/passwords/resets/{request}?after={after} tells the rest"
    )


def _said(result: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    verb = "would change" if result["is_dry_run"] else "changed"
    said = [f"{result['changed']} {verb}, {result['refused_count']} are left alone"]
    if result["stopped"]:
        said.append(f"stopped: {result['stopped']}")
    return "\n".join([*said, "", table(lines, ("address", "cohort", "result", "rule", "why"))])


def _told(answer: dict[str, int], files: Iterable[Path]) -> str:
    said = [f"{answer['passwords']} passwords in {', '.join(map(str, files))}"]
    if answer["uncertain"]:
        said.append(f"{answer['uncertain']} are withheld: another may be in force; see --uncertain")
    if answer["misread"]:
        said.append(
            f"{answer['misread']} rows hold a sign that a reader of this form may misread: one that ends a field, or a formula"
        )
    return "\n".join([*said, "Delete the file once it is handed out."])
