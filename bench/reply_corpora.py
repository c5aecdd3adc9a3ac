"""What the member typed, told from the rest: mailroom's zones beside the known strippers.

    python bench/reply_corpora.py [FOLDER ...] [--fetch FOLDER] [--show N]

FOLDER holds messages and what is right for each: ``name.txt`` (a body), ``name.html`` or ``name.eml``, and
``name.own`` (the text that a stripper should leave). ``--fetch`` fills a folder, outside the project, with the
source distributions of known strippers, takes the cases out of their tests (they are read, never run) and
installs the strippers themselves beside them. Besides, letters of our own are measured, whose words are known:
``tests/corpus`` with banner, signature, disclaimer, tagline and an earlier letter, from every program.

For each tool: the share exactly right, and nearly right (at least 95 % alike), white space aside. The strippers'
own cases are about quotes: what is not quoted is compared; a file ``forwarded-is-quoted`` in a folder says that
its makers drop what was forwarded, too. Of our letters both are: «our quotes» all but the quote, «our letters»
the words that were typed.
"""

from __future__ import annotations

import argparse
import ast
import email
import importlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from email.policy import default
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
SOURCES = ("talon==1.4.4", "quotequail", "mail-parser-reply", "email-reply-parser")  # with cases, or to compare with
NEEDED = ("regex", "six", "lxml", "cssselect", "chardet", "faust-cchardet", "html5lib")  # by talon
LANGUAGES = ["en", "de", "fr", "it", "es", "nl", "pl", "sv", "da", "cs", "ja", "ko", "zh"]


@dataclass(frozen=True)
class Case:
    name: str
    body: str  # as plain text, for all
    own: str
    content: bytes | None = None  # the whole message, where there is one
    page: str = ""  # HTML, where there is no plain text


# --- cases


def in_folder(folder: Path) -> Iterator[Case]:
    for file in sorted(folder.rglob("*.own")):
        own = file.read_text(encoding="utf-8")
        name = str(file.relative_to(folder).with_suffix(""))
        if (path := file.with_suffix(".txt")).exists():
            yield Case(name, path.read_text(encoding="utf-8"), own)
        elif (path := file.with_suffix(".html")).exists():
            page = path.read_text(encoding="utf-8", errors="replace")
            yield Case(name, _text_of(page), own, page=page)
        elif (path := file.with_suffix(".eml")).exists():
            content = path.read_bytes()
            yield Case(name, _plain_of(content), own, content)


def _text_of(page: str) -> str:
    from parse.html import render

    return render(page).text


def _plain_of(content: bytes) -> str:
    part = email.message_from_bytes(content, policy=default).get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def letters(*, quotes_only: bool = False) -> Iterator[Case]:
    """Our own: each letter of the corpus in three dresses, all additions at once; right is what was typed, or all but the quote."""
    from bench.mutations import labelled
    from tests.fixtures.mailers import CLIENTS, render
    from tests.fixtures.mutations import TAGLINES, mutations

    for number, item in enumerate(labelled([])):
        if item.get("quoted") or item.get("forwarded") or not item["body"].strip() or item["labels"]["outcome"] == "ignore":
            continue
        if any(tagline in item["body"] for tagline in TAGLINES):  # whose words these are, nobody can say
            continue
        typed = "\n".join(line for line in item["body"].split("\n") if not line.startswith(">"))
        for turn in range(3):
            dressed = {**item, "id": f"{item['id']}.{turn}", "client": CLIENTS[(number * 3 + turn) % len(CLIENTS)]}
            for what in ("banner", "signature", "disclaimer", "quoted thread")[turn % 2 :]:
                for name, _, mutated in mutations(dressed, what):
                    if name == what:
                        dressed = mutated
            content = render(dressed)
            if quotes_only:
                bare = render({**dressed, "quoted": None})
                typed = _plain_of(bare) or _text_of(_page_of(bare))
            yield Case(dressed["id"], _plain_of(content) or _text_of(_page_of(content)), typed, content)


def _page_of(content: bytes) -> str:
    part = email.message_from_bytes(content, policy=default).get_body(("html",))
    return str(part.get_content()) if part is not None else ""


# --- fetching


def fetch(folder: Path) -> None:
    """Source distributions, the cases in them, and the tools installed under ``site``."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    (folder / "sdist").mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        subprocess.run([*pip, "download", "--no-binary", ":all:", "--no-deps", "--dest", str(folder / "sdist"), source], check=False)
    subprocess.run([*pip, "install", "--target", str(folder / "site"), "--upgrade", "--no-deps", *SOURCES], check=False)
    subprocess.run([*pip, "install", "--target", str(folder / "site"), "--upgrade", *NEEDED], check=False)
    for archive in sorted((folder / "sdist").glob("*.tar.gz")):
        with tarfile.open(archive) as opened:
            opened.extractall(folder / "sdist", filter="data")
    for number, (name, body, own) in enumerate(_of_talon(folder / "sdist")):
        _write(folder / "cases" / "talon", f"{number:03}-{name}", ".txt", body, own)
    for number, (body, own) in enumerate(_of_quotequail(folder / "sdist")):
        _write(folder / "cases" / "quotequail", f"{number:03}", ".txt", body, own)
    for number, (body, own) in enumerate(_of_unwrap(folder / "sdist")):
        _write(folder / "cases" / "unwrap", f"{number:03}", ".txt", body, own)
    for name in ("quotequail", "unwrap"):
        (folder / "cases" / name / "forwarded-is-quoted").touch()
    for file in sorted((folder / "sdist").glob("talon-*/tests/fixtures/standard_replies/*.eml")):
        truth = file.with_name(f"{file.stem}_reply_text")
        target = folder / "cases" / "talon-mail" / f"{file.stem}.eml"
        _write(target.parent, file.stem, ".eml", "", truth.read_text(encoding="utf-8") if truth.exists() else "Hello")
        target.write_bytes(file.read_bytes())
    for file in sorted((folder / "sdist").glob("talon-*/tests/fixtures/html_replies/*.html")):
        _write(folder / "cases" / "talon-html", file.stem, ".html", file.read_text(encoding="utf-8"), "Hi. I am fine.\n\nThanks,\nAlex")


def _write(folder: Path, name: str, ending: str, body: str, own: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}{ending}").write_text(body, encoding="utf-8")
    (folder / f"{name}.own").write_text(own, encoding="utf-8")


def _of_talon(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(test, body, reply) of ``eq_(reply, quotations.extract_from_plain(body))``, where both are plain strings."""
    for file in folder.glob("talon-*/tests/text_quotations_test.py"):
        for function in ast.parse(file.read_text(encoding="utf-8")).body:
            if not isinstance(function, ast.FunctionDef) or function.decorator_list:  # decorated: with patched limits
                continue
            known: dict[str, str] = {}
            for statement in function.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant) and isinstance(statement.targets[0], ast.Name):
                    known[statement.targets[0].id] = str(statement.value.value)
                for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "eq_"):
                    asked = call.args[1]
                    if isinstance(asked, ast.Call) and getattr(asked.func, "attr", "") == "extract_from_plain":
                        own, body = _string(call.args[0], known), _string(asked.args[0], known)
                        if own is not None and body is not None:
                            yield function.name.removeprefix("test_"), body, own


def _string(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return known.get(node.id) if isinstance(node, ast.Name) else None


def _of_quotequail(folder: Path) -> Iterator[tuple[str, str]]:
    """(body, reply) of the parameters of test_quote: text, expected, expected with the intro line in the quote."""
    for file in folder.glob("quotequail-*/tests/test_quote.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple) and len(node.elts) == 3:
                try:
                    body, _, parts = ast.literal_eval(node)
                except ValueError:
                    continue
                if isinstance(body, str) and isinstance(parts, list):
                    yield body, "\n".join(text for shown, text in parts if shown)


def _of_unwrap(folder: Path) -> Iterator[tuple[str, str]]:
    """(body, what stands above and below) of the parameters of test_unwrap; None there: nothing is quoted."""
    for file in folder.glob("quotequail-*/tests/test_unwrap.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                try:
                    body, parts = ast.literal_eval(node)
                except ValueError:
                    continue
                if isinstance(body, str) and (parts is None or isinstance(parts, dict)):
                    yield body, body if parts is None else "\n".join(parts[key] for key in ("text_top", "text_bottom") if key in parts)


# --- tools

QUOTED = frozenset({"quote", "own_quote"})
ADDED = frozenset({"forwarded", "signature", "banner", "disclaimer", "tagline"})
Tool = Callable[[Case, frozenset[str]], str]  # told which kinds of zones are to go, for those that know kinds


def mailroom() -> Tool:
    from parse.html import render
    from parse.message import parse_message
    from parse.zones import Envelope, Zoner

    zoner = Zoner()

    def strip(case: Case, drop: frozenset[str]) -> str:
        if case.content is not None:
            parsed = parse_message(case.content, zoner=zoner)
            body, zones = parsed.body, parsed.zones
        else:
            rendered = render(case.page) if case.page else None
            body, marks = (rendered.text, rendered.marks) if rendered else (case.body, ())
            zones = zoner.zones(body, marks=marks, envelope=Envelope(is_reply=True))
        return "\n".join(body[zone.start : zone.end] for zone in zones if zone.kind not in drop)

    return strip


def talon() -> Tool:
    quotations: Any = importlib.import_module("talon.quotations")
    return lambda case, drop: quotations.extract_from_plain(case.body)


def email_reply_parser() -> Tool:
    parser: Any = importlib.import_module("email_reply_parser").EmailReplyParser
    return lambda case, drop: parser.parse_reply(case.body)


def mail_parser_reply() -> Tool:
    parser: Any = importlib.import_module("mailparser_reply").EmailReplyParser(languages=LANGUAGES)

    def strip(case: Case, drop: frozenset[str]) -> str:
        replies = parser.read(case.body).replies
        return (replies[0].body if "signature" in drop else replies[0].content) if replies else ""

    return strip


def quotequail() -> Tool:
    quote: Any = importlib.import_module("quotequail").quote
    return lambda case, drop: "\n".join(text for shown, text in quote(case.body, quote_intro_line=True, limit=1_000_000) if shown)


TOOLS: dict[str, Callable[[], Tool]] = {
    "mailroom": mailroom,
    "talon": talon,
    "email-reply-parser": email_reply_parser,
    "mail-parser-reply": mail_parser_reply,
    "quotequail": quotequail,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("folders", nargs="*", type=Path)
    options.add_argument("--fetch", type=Path, help="a folder to fill, outside the project")
    options.add_argument("--show", type=int, default=0, help="print the first N cases that mailroom has wrong")
    asked = options.parse_args()
    if asked.fetch:
        fetch(asked.fetch)
    for folder in (asked.fetch, *asked.folders):
        if folder and (folder / "site").is_dir():
            sys.path.append(str(folder / "site"))
    tools: dict[str, Tool] = {}
    for name, load in TOOLS.items():
        try:
            tools[name] = load()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    corpora: dict[str, tuple[list[Case], frozenset[str]]] = {}
    for folder in [*asked.folders, *([asked.fetch] if asked.fetch else [])]:
        for own in sorted({file.parent for file in folder.rglob("*.own")}):
            corpora[own.name] = (list(in_folder(own)), QUOTED | ({"forwarded"} if (own / "forwarded-is-quoted").exists() else set()))
    corpora["our quotes"] = (list(letters(quotes_only=True)), QUOTED)
    corpora["our letters"] = (list(letters()), QUOTED | ADDED)
    print(f"{'corpus':14} {'cases':>5}  " + "  ".join(f"{name:>18}" for name in tools))
    for corpus, (cases, drop) in corpora.items():
        cells = []
        for name, tool in tools.items():
            exact = near = 0
            for case in cases:
                try:
                    got = "".join(tool(case, drop).split())
                except Exception as error:  # a stripper that breaks has it wrong
                    got = f"{type(error).__name__}"
                wanted = "".join(case.own.split())
                exact += got == wanted
                alike = got == wanted or SequenceMatcher(None, got, wanted, autojunk=False).ratio() >= 0.95
                near += alike
                if name == "mailroom" and got != wanted and asked.show > 0:
                    asked.show -= 1
                    print(
                        f"--- {corpus} {case.name}", json.dumps({"body": case.body, "wanted": case.own, "got": got}, ensure_ascii=False)[:1500], file=sys.stderr
                    )
            cells.append(f"{exact / len(cases):7.1%} ({near / len(cases):6.1%})")
        print(f"{corpus:14} {len(cases):5}  " + "  ".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
