"""How passages are read that tell where people work: in all the ways of naming one school, and with several schools in them.

    python -m bench.places --schools FILE [--show] [FILE.tsv ...]

Without files: tests/corpus/learned_places.tsv. Columns: id, text (« / » stands for a line break), institutions (by |; none, where none
can be told). Such passages are harder than mail: most that are slanted to several schools hold one that is only spoken of, or a partner.

Prints how many are right, asked (nothing is registered, or a person looks, for a reason of the school or council) and wrong: registered
otherwise than told. Names count as the same without case, punctuation and the word School.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

from mailroom.extracting import open_reader

LEARNED = Path(__file__).parents[1] / "tests" / "corpus" / "learned_places.tsv"
HELD = {"school_untold", "authority_conflict", "signed_elsewhere", "institution_unread", "institution_doubtful"}


def same(name: str) -> str:
    return re.sub(r"\W+", " ", re.sub(r"\bschool\b|'", "", name.casefold())).strip()


def mail(text: str) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = "Ann Lee <ann@example.org>", "action research programme", "<place@mail.example>"
    message["Date"] = "Tue, 11 Jan 2022 10:00:00 +0000"
    message.set_content(text.replace(" / ", "\n") + "\n")
    return message.as_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[LEARNED])
    parser.add_argument("--schools", required=True, help="the list of schools")
    parser.add_argument("--show", action="store_true", help="also what is not right")
    options = parser.parse_args()
    reader = open_reader(schools=[options.schools])
    for file in options.files:
        counts: Counter[str] = Counter()
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                found = reader.read(mail(row["text"])).extraction
                told, read = ({same(name) for name in names if name} for names in (row["institutions"].split("|"), found.institutions))
                asked = not read or bool(HELD & {reason.code for reason in found.reasons})
                outcome = "right" if told == read else "asked" if asked else "wrong"
                counts[outcome] += 1
                if options.show and outcome != "right":
                    print(f"{outcome} {row['id']}: {row['text']}\n    told {row['institutions'] or 'none'}; read {' | '.join(found.institutions) or 'none'}")
        print(f"{file.name}: {counts.total()} passages, right {counts['right']}, asked {counts['asked']}, wrong {counts['wrong']}")


if __name__ == "__main__":
    main()
