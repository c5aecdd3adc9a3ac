"""How fast mail is read, bytes to decision: each step's share, start-up, and growth on hostile text.

    python bench/reading.py [FOLDER] [--corpus] [--schools FILE] [--only speed|start|hostile]

FOLDER holds .eml files, else the demo's mail is read, or with --corpus the labelled corpus beside the
checkout. Figures are of this machine and of what else runs on it: read the shares and the ratios, which
are all of one run. Speed is processor time, on one core, the best of several passes for each message; the
first pass, with nothing looked up yet, is told apart. A growth of 2 from a size to the double is linear;
of what is huge only the first 200,000 characters of a body are read.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PASSES = 5
HEADER = b"From: Ann Reid <ann@example.com>\nTo: care@union.example\nSubject: Research\nMessage-ID: <b@example.com>\nDate: Mon, 5 Sep 2022 10:00:00 +0100\n\n"
HOSTILE: dict[str, tuple[Callable[[int], str], int, int]] = {  # text of a size, a size that is read whole when doubled twice, a huge one
    "one line, in letters": (lambda size: "w" * size, 45_000, 1_000_000),
    "one line, in words": (lambda size: "research " * (size // 9), 45_000, 1_000_000),
    "school names": (lambda size: "\n".join(f"Ardle{number} Primary School" for number in range(size)), 1_500, 100_000),
    "activity phrases": (lambda size: "we have been meeting as a group. " * size, 1_400, 100_000),
    "lines of a quote": (lambda size: "> we have been meeting\n" * size, 2_000, 50_000),
    "levels of a quote": (lambda size: "".join(f"{'>' * (number % 50)} hi\n" for number in range(size)), 1_500, 50_000),
    "marked answers": (lambda size: "Is it?\nAB: no\n" * size, 1_500, 50_000),
    "question marks": (lambda size: "?" * size, 45_000, 1_000_000),
    "questions": (lambda size: "Can you tell us? " * size, 2_700, 50_000),
}


def corpus(folder: Path) -> Path:
    from tests.fixtures.mailings import corpus_mail

    if corpus_mail(folder, "def") is None:
        sys.exit("the labelled corpus does not stand beside the checkout")
    return folder


def demo(folder: Path) -> Path:
    from mailroom.demo import demo_messages

    for name, content in demo_messages():
        (folder / f"{name}.eml").write_bytes(content)
    return folder


@contextlib.contextmanager
def timed(seconds: Counter[str]) -> Iterator[None]:
    """Every step of the reading counts its own time: that of a step inside another is taken off the outer one."""
    import parse.message
    import parse.reader
    from parse.activities import ActivityFinder
    from parse.institutions import InstitutionFinder
    from parse.kind import KindFinder
    from parse.questions import QuestionFinder
    from parse.reader import Reader
    from parse.sessions import SessionFinder
    from parse.textview import TextView
    from parse.topics import TopicFinder
    from parse.zones import Zoner

    running: list[float] = []

    def step(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            running.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.process_time() - begun
                seconds[name] += spent - running.pop()
                if running:
                    running[-1] += spent

        return counted

    def tokens(view: TextView) -> None:
        _ = view.doc, view.sentences

    def views(*args: Any) -> Any:
        made = plain_views(*args)
        for view in made:
            split(view)
        return made

    plain_views, split = parse.reader.views, step("tokens", tokens)
    with contextlib.ExitStack() as stack:
        for owner, name, label in (
            (parse.reader, "parse_message", "take apart"),
            (Zoner, "zones", "zones"),
            (KindFinder, "read", "kind"),
            (InstitutionFinder, "find", "institutions"),
            (ActivityFinder, "find", "activities"),
            (TopicFinder, "find", "topics"),
            (QuestionFinder, "find", "questions"),
            (SessionFinder, "find", "sessions"),
            (parse.reader, "decide", "decide"),
            (Reader, "read", "the rest"),
        ):
            stack.enter_context(mock.patch.object(owner, name, step(label, getattr(owner, name))))
        stack.enter_context(mock.patch.object(parse.reader, "views", step("views", views)))
        yield


def speed(folder: Path, schools: list[str]) -> None:
    from mailroom.extracting import messages_in, open_reader

    begun = time.process_time()
    reader = open_reader(schools=schools)
    opened = time.process_time() - begun
    mail = [content for _, content in messages_in([str(folder)])]
    if not mail:
        sys.exit(f"{folder}: no .eml file")
    first: list[float] = []
    best = [float("inf")] * len(mail)
    for _ in range(PASSES + 1):
        for number, content in enumerate(mail):
            begun = time.process_time()
            reader.read(content)
            spent = time.process_time() - begun
            if len(first) < len(mail):
                first.append(spent)
            else:
                best[number] = min(best[number], spent)
    seconds: Counter[str] = Counter()
    with timed(seconds):
        for content in mail:
            reader.read(content)
    total = sum(seconds.values())
    print(
        f"{len(mail)} messages of {sum(map(len, mail)) / len(mail) / 1000:.1f} kB: {len(mail) / sum(best):.0f}/s on one core, "
        f"{len(mail) / sum(first):.0f}/s when read for the first time (opening the programme {opened:.2f} s)"
    )
    print("    " + "  ".join(f"{name} {spent / total:.0%}" for name, spent in seconds.most_common()), flush=True)


def start(schools: list[str]) -> None:
    """Processor time of whole processes, so that what else runs matters less; the best of several.

    Every module is compiled once for all of them, as it is on a machine where the command was used before, whatever the environment says.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        message = Path(folder) / "small.eml"
        message.write_bytes(HEADER + b"Hello, could you register me for the Tuesday session? I teach at Hillhead Primary in Glasgow.\n\nAnn\n")

        def seconds(*arguments: str) -> float:
            took = []
            for _ in range(PASSES):
                before = os.times()
                subprocess.run([sys.executable, *arguments], cwd=ROOT, env=kept, check=True, capture_output=True)
                after = os.times()
                took.append(after.children_user + after.children_system - before.children_user - before.children_system)
            return min(took)

        base = seconds("-c", "import spacy")
        extract = ("-m", "mailroom.cli", "extract", str(message))
        figures = [("without a school list", seconds(*extract))]
        if schools:
            figures.append(("with it", seconds(*extract, *(part for file in schools for part in ("--schools", str(Path(file).resolve()))))))
    shown = ", ".join(f"{took / base:.2f} times that {name}" for name, took in figures)
    print(f"import spacy: {base:.2f} s; extract of one small message: {shown}", flush=True)


def hostile(schools: list[str]) -> None:
    from mailroom.extracting import open_reader

    reader = open_reader(schools=schools)
    reader.read(HEADER + b"hello\n")

    def seconds(text: str) -> float:
        runs = []
        for _ in range(2):
            begun = time.process_time()
            reader.read(HEADER + text.encode() + b"\n")
            runs.append(time.process_time() - begun)
        return min(runs)

    for name, (text, size, huge) in HOSTILE.items():
        took = [seconds(text(size * factor)) for factor in (1, 2, 4)]
        growth = " and ".join(f"{larger / smaller:.1f}" for smaller, larger in itertools.pairwise(took))
        print(f"{name:<21} {size * 4:>7,}: {took[-1]:.2f} s, growth {growth}; {huge:>9,}: {seconds(text(huge)):.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--corpus", action="store_true")
    parser.add_argument("--schools", action="append", default=[])
    parser.add_argument("--only", choices=("speed", "start", "hostile"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if options.only in (None, "speed"):
            folder = options.folder or (corpus if options.corpus else demo)(Path(temporary))
            speed(folder, options.schools)
    if options.only in (None, "start"):
        start(options.schools)
    if options.only in (None, "hostile"):
        hostile(options.schools)


if __name__ == "__main__":
    main()
