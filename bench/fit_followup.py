"""Fit programme/words/follow_up.csv: which words, and which marks of mail programs, tell that a letter goes on from earlier mail.

    python -m bench.fit_followup [--write]

The letters and the fit are those of bench/fit_review.py; here follow-ups stand against first letters, enquiries and what has nothing to do with
the programme (a withdrawal may be either). The figures are of letters read with tables fitted on other sources: how many of each kind have a
share of so much or more, and how well the shares foretell the labels (log loss).

Promise: the same files give the same table.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.fit_review import PROGRAMME, Letter, fitted, keep, left_out, options
from bench.fit_topics import CORPUS, LETTERS, kept_aside
from mailroom.model import Kind, Outcome, ZoneKind
from parse.followup import NAME, followup_signs
from parse.kind import KindFinder
from parse.phrases import PhraseMatcherSet
from parse.textview import TextView

TABLE = PROGRAMME / "words" / f"{NAME}.csv"
READ = (Kind.FOLLOW_UP, Kind.EXPRESSION_OF_INTEREST, Kind.ENQUIRY, Kind.UNRELATED)
REPLY = re.compile(r"\s*re\s*:", re.I)
THREAD = {"in-reply-to", "references"}


def signs(item: dict[str, Any], matcher: PhraseMatcherSet) -> set[str]:
    """The signs of a labelled letter as it was typed; lines that begin with «>» are mail that it answers."""
    lines = item["body"].split("\n")
    quoted = [line.startswith(">") for line in lines]
    first = quoted.index(True) if True in quoted else len(lines)
    subject = TextView(item["subject"], where="subject")
    own = TextView("\n".join(line for line, quotes in zip(lines, quoted, strict=True) if not quotes), where=ZoneKind.OWN)
    below = [line for line, quotes in zip(lines, quoted, strict=True) if quotes]
    below += [part["text"] for part in (item.get("quoted"),) if part]
    return followup_signs(
        matcher.words(subject),
        matcher.words(own),
        below,
        replies=REPLY.match(item["subject"]) is not None,
        threaded=not THREAD.isdisjoint(name.lower() for name in item.get("headers") or {}),
        inline=any(line.strip() and not quotes for line, quotes in zip(lines[first:], quoted[first:], strict=True)),
    )


def letters(files: Sequence[Path], matcher: PhraseMatcherSet) -> list[Letter]:
    found: list[Letter] = []
    for file in files:
        for item in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            labels = item.get("labels", item)
            if labels["kind"] in READ and labels["outcome"] != Outcome.IGNORE and not kept_aside(file, item["id"]):
                found.append(Letter(file.stem, frozenset(signs(item, matcher)), labels["kind"], labels["outcome"], labels["kind"] == Kind.FOLLOW_UP))
    return found


def main() -> None:
    chosen = options(__doc__ or "", penalty=1.0, rows=1500)
    texts = letters([*LETTERS, CORPUS / "kinds.jsonl"], KindFinder(PROGRAMME).matcher)
    read = left_out(texts, penalty=chosen.penalty, rows=chosen.rows)
    loss = -sum(math.log(max(value if text.due else 1 - value, 1e-9)) for value, text in read) / len(read)
    print(f"log loss {loss:.4f}")
    print("share from   " + "   ".join(f"{kind.value} ({sum(text.kind == kind for text in texts)})" for kind in READ))
    for step in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        counts = ((kind, sum(value >= step and text.kind == kind for value, text in read)) for kind in READ)
        print(f"  {step:.2f}       " + "   ".join(f"{count:>{len(kind.value) + 4}}" for kind, count in counts))
    keep(fitted(texts, penalty=chosen.penalty, rows=chosen.rows), TABLE, write=chosen.write)


if __name__ == "__main__":
    main()
