"""The knowledge of ``programme/zones.yaml``: word lists and cues, compiled once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path

from mailroom.errors import ProgrammeError
from parse.cues import CueSet, cue_regex
from parse.rulefile import Rule, RuleFile, load_rules
from parse.zones.lines import ITEM, solid

SAYS = ("original", "forwarded", "banner", "banner_word", "banner_more", "tagline", "disclaimer", "stub", "habits")
_LISTS = (
    *("own_names", "own_addresses", "header_from", "header_date", "header_to", "header_subject", "header_other"),
    *("wrote", "wrote_openers", "days_and_months", "closings", "titles", "letters", "places", "contacts"),
)


class ZoneRules:
    """Cues and lists of ``zones.yaml``.

    own_lines: lines of our own templates and page; a quote of them is a quote of our own mail whoever
    seems to have sent it. own_names, own_addresses: of our mailboxes, besides those in the file.
    """

    def __init__(
        self,
        folder: Path | None = None,
        own_lines: Collection[str] = (),
        *,
        own_names: Collection[str] = (),
        own_addresses: Collection[str] = (),
    ) -> None:
        path = (folder or Path(__file__).resolve().parents[2] / "programme") / "zones.yaml"
        self.file: RuleFile = load_rules(path, says=SAYS)
        lists = self.file.lists
        for name in _LISTS:
            if name not in lists:
                raise ProgrammeError(self.file.file, None, f"the list «{name}» is missing under «lists»")
        self.cues: dict[str, CueSet] = {}
        for meaning in SAYS:
            wanted = [rule for rule in self.file.rules if rule.phrase.label == meaning]
            try:
                self.cues[meaning] = CueSet(pattern for rule in wanted for pattern in rule.phrase.patterns)
            except (ValueError, re.error):
                _check(wanted)
                raise
        self._roles = {
            label.casefold(): role
            for role in ("other", "subject", "to", "date", "from")  # «from» last: where two languages disagree, it wins
            for label in lists[f"header_{role}"]
        }
        words = {name: frozenset(word.casefold() for word in lists[name]) for name in _LISTS}
        self.wrote = re.compile(r"(?<!\w)(?:" + "|".join(re.escape(w) for w in sorted(words["wrote"], key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE)
        self.wrote_last = re.compile(self.wrote.pattern + r"$", re.IGNORECASE)
        self.openers = tuple(sorted(words["wrote_openers"], key=len, reverse=True))
        self.dates = words["days_and_months"]
        self.closings = words["closings"]
        self.titles = frozenset(word.rstrip("*") for word in words["titles"])
        self.letters = frozenset(lists["letters"])
        self.places = words["places"]
        self.contacts = words["contacts"]
        self.own_names = tuple(name.casefold() for name in [*lists["own_names"], *own_names] if name.strip())
        self.own_addresses = frozenset(address.casefold() for address in [*lists["own_addresses"], *own_addresses])
        self.know_own(own_lines)

    def know_own(self, lines: Collection[str]) -> None:
        """These are the lines of our templates from now on."""
        self._ours = _Ours(lines)

    # --- small questions about one line

    def role(self, line: str) -> tuple[str, str] | None:
        """(role, value) of a line like «Sent: Tuesday», or None."""
        name, colon, value = line[:400].lstrip("*_| \t").partition(":")
        if not colon or len(name) > 25:
            return None
        role = self._roles.get(name.strip("*_ \t").casefold())
        return (role, value.strip("*_ \t")) if role is not None else None

    def is_own_line(self, text: str) -> bool:
        for candidate in {text, ITEM.sub("", text, count=1)}:  # «2. Which school ...?»
            bare = solid(candidate)
            if bare in self._ours.lines or (len(bare) >= 40 and bare in self._ours.text):
                return True
        return False


def _check(rules: Iterable[Rule]) -> None:
    """Raises ProgrammeError for the first pattern that cannot be read."""
    for rule in rules:
        for pattern in rule.phrase.patterns:
            try:
                re.compile(cue_regex(pattern))
            except (ValueError, re.error) as error:
                raise ProgrammeError(rule.file, rule.line, f"rule «{rule.phrase.id}»: pattern «{pattern}» cannot be read ({error})") from error


class _Ours:
    """The lines of our templates, not looked at before some letter has lines that may be of them: they may be costly to come by."""

    def __init__(self, lines: Collection[str]) -> None:
        self._lines = lines

    @cached_property
    def _bare(self) -> list[str]:
        return [solid(line) for line in self._lines]

    @cached_property
    def lines(self) -> frozenset[str]:
        return frozenset(line for line in self._bare if len(line) >= 12)

    @cached_property
    def text(self) -> str:
        return "\n".join(self._bare)
