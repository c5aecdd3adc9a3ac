"""Whether a letter goes on from earlier mail, by a table of words that were fitted to labelled letters.

Beside the words of a letter (see parse/wordshare.py) the table weighs those of the subject and of the first sentences once more, because people
tell there that they write again («Sorry, meant the Academy»), and what the mail program adds: a subject of a reply, header fields that name an
earlier message (RFC 5322, 3.6.4), the mail below and whether it asks.

Promise: training and reading see the same signs (``bench/fit_followup.py`` calls ``followup_signs``).

What it does badly: a first letter that tells as much as an answer does («Nairn Academy. Highland. English.») looks like one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

from mailroom.model import ParsedMessage, ZoneKind
from parse.phrases import PhraseMatcherSet
from parse.textview import TextView
from parse.wordshare import Share, WordShare, letter_signs

__all__ = ["NAME", "FollowUpWords", "followup_signs"]

NAME = "follow_up"
Sentence = Sequence[tuple[str, int]]
_OWN = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_BELOW = (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)
_OPENING = 3  # sentences, a greeting counted
_LENGTHS = (15, 30, 60, 100, 160)  # words of the letter


def followup_signs(subject: Iterable[Sentence], own: Iterable[Sentence], below: Iterable[str], *, replies: bool, threaded: bool, inline: bool) -> set[str]:
    """The signs of a letter: words as they are, those of the «subject» and the «start» again, and what «mail» programs add.

    ``subject`` and ``own`` are sentences as ``PhraseMatcherSet.words`` gives them, ``below`` the texts of earlier mail; ``threaded``: a header field
    names an earlier message; ``inline``: the writer answers between the lines of it.
    """
    subject, own, below = list(subject), list(own), list(below)
    found = letter_signs([*subject, *own])
    found.update(f"subject {sign}" for sign in letter_signs(subject))
    found.update(f"start {sign}" for sign in letter_signs(islice(own, _OPENING)))
    length = sum(map(len, own))
    told = {
        "replies": replies,
        "threaded": threaded,
        "quotes": bool(below),
        "asked": any("?" in text for text in below),
        "inline": inline,
        **{f"shorter than {words}": length < words for words in _LENGTHS},
    }
    return found | {f"mail {name}" for name, holds in told.items() if holds}


class FollowUpWords:
    """Reads ``folder/words/follow_up.csv``; raises ProgrammeError."""

    def __init__(self, folder: Path) -> None:
        self._table = WordShare(folder, NAME)

    def of(self, parsed: ParsedMessage, views: Sequence[TextView], matcher: PhraseMatcherSet, *, replies: bool) -> Share:
        """The share of a message; ``views`` are its texts, and ``replies`` says that its subject is that of a reply."""
        below = [parsed.body[zone.start : zone.end] for zone in parsed.zones if zone.kind in _BELOW]
        return self._table.share(
            followup_signs(
                chain.from_iterable(matcher.words(view) for view in views if view.where == "subject"),
                chain.from_iterable(matcher.words(view) for view in views if view.where in _OWN),
                below,
                replies=replies,
                threaded=bool(parsed.in_reply_to or parsed.references),
                inline=any(zone.kind is ZoneKind.INLINE_ANSWER for zone in parsed.zones),
            )
        )
