"""Which facilitator session a member signed up for, or wants.

The dates come from ``sessions.yaml``; how members name a date (day, weekday, ordinal, time of day, «the
later one», «tomorrow») is grammar and stands here; the words around it that make it a choice, a refusal,
somebody else's plan or no session at all are phrase rules in ``rules/sessions.yaml``.

A sentence is cut into clauses. Each mention takes its clause's stance: taken, declined, another person's,
undecided. The last stance of each session counts, and a change of mind drops what was said before it.

Promise: only the member's own words (and a filled-in form that is attached) count; a relative day is
read against the message's own Date, in UK time, and never against a clock. Linear in the text.

What it does badly: a session named only by what happens there («the one with the biscuits») is not
found; a plan told over several sentences («one of us will go. It'll be me, to the first») is followed
only as far as each sentence says something itself.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.rulefile import compile_rules, load_rules, load_yaml
from parse.textview import TextView

__all__ = ["Session", "SessionFinder", "Sessions", "load_sessions"]

UK = ZoneInfo("Europe/London")
LABELS = ("about", "takes", "declines", "undecided", "others", "same", "changes", "elsewhere", "recurring", "present", "all", "none")
READ = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER, "subject"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A facilitator session of the programme; times are UK time."""

    id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    sessions: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


def load_sessions(folder: Path) -> tuple[Session, ...]:
    """The programme's sessions in order of time. Raises ProgrammeError."""
    data = load_yaml(folder / "sessions.yaml")
    found: list[Session] = []
    for item in data.get("sessions") or []:
        line = item.get("__line__") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not {"id", "starts", "ends"} <= item.keys():
            raise ProgrammeError("sessions.yaml", line, "each session needs id, starts and ends")
        times = []
        for key in ("starts", "ends"):
            try:
                time = item[key] if isinstance(item[key], datetime) else datetime.fromisoformat(str(item[key]))
            except ValueError:
                raise ProgrammeError("sessions.yaml", line, f"«{key}: {item[key]}» is no date and time; write it as 2022-01-19 14:00") from None
            times.append(time.astimezone(UK) if time.tzinfo else time.replace(tzinfo=UK))
        found.append(Session(id=str(item["id"]), start=times[0], end=times[1]))
    return tuple(sorted(found, key=lambda session: session.start))


_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_MONTH = "(?P<{}>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in _MONTHS) + r"|sept)\b\.?"
_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_WEEKDAY = r"(?P<{}>mon(?:day)?|tue?s?(?:day)?|we(?:d|dn|dnes|ns)s?(?:day)?|weds|thu(?:rs?)?(?:day)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\b"
_UNITS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_TEENS = ("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth")
_SPELT_OUT = (*_UNITS, "tenth", *_TEENS, "twentieth", *(f"twenty-{unit}" for unit in _UNITS), "thirtieth", "thirty-first")
_ORDINAL_WORDS = {word: number for number, word in enumerate(_SPELT_OUT, start=1)}
_SPELT = "|".join(word.replace("-", "[- ]") for word in sorted(_ORDINAL_WORDS, key=len, reverse=True) if _ORDINAL_WORDS[word] > 12)
_THING = r"(?:facilitators?'?s?|training|trainin|session|sesh|date|day|one|wan|slot|course|option|afternoon|event|meeting|workshop)s?"
_DATE = re.compile(
    rf"""\b(?:
      (?P<iso>20\d\d)-(?P<isom>\d\d)-(?P<isod>\d\d)
    | (?:{_WEEKDAY.format("w1")}[ ,.]*(?:the[ ])?)?(?:
          (?P<d1>\d{{1,2}})[ ]?[/.\-][ ]?(?P<m1>0?[1-9]|1[0-2])(?:[/.\-](?P<y1>\d\d(?:\d\d)?))?(?![\d/%])
        | (?P<d2>\d{{1,2}})(?P<o2>st|nd|rd|th)?(?:[ ]?(?:of[ ])?{_MONTH.format("m2")}(?:,?[ ]20(?P<y2>\d\d)\b)?)
        | {_MONTH.format("m3")}[ ](?:the[ ])?(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:/\d%])
        | (?!(?:1st|2nd)[ ]{_THING}\b)(?P<d4>\d{{1,2}})(?:st|nd|rd|th)\b
        | (?P<spelt>{_SPELT})\b(?:[ ](?:of[ ])?{_MONTH.format("m5")})?
        | (?P<bare>\d{{1,2}})\b(?![:./\d%]|[ ]*(?:o'clock|am|pm)\b)
      )
    | (?P<next>next[ ]|this[ ](?:coming[ ])?|coming[ ]|last[ ])?{_WEEKDAY.format("w6")}
    | (?P<rel>today|tomorrow|the[ ]morn|tomorow|tomorrows|yesterday|next[ ]week'?s?|(?:earlier|later)[ ]today|this[ ](?:afternoon|evening|aft)|tonight)\b
    | (?P<ord>first|1st|second|2nd|earlier|earliest|later|latter|former|other|ither|initial|(?<=the[ ])last)
        (?:[ ]of[ ](?:the|your)[ ](?:two|twa|2))?[ ](?:(?:available|january|jan|facilitator|training|of[ ]the|of[ ]your)[ ]){{0,2}}{_THING}\b
    | (?P<bareord>(?<=the[ ])(?:first|second|earlier|later|latter|former|other)|(?<=:[ ])(?:first|second|1st|2nd|earlier|later))\b
        (?=[ ]*(?:$|[.,;!?)]|please|of[ ](?:the|your)[ ](?:two|january)|if\b|if[ ]possible|is\b|suits|would\b|works|for[ ]me))
    | (?P<time>(?P<hour>\d{{1,2}})(?:[:.](?P<min>\d\d))?[ ]?(?P<ap>[ap]\.?m\b\.?|o'?[ ]?clock)?
        | half[ ](?:past[ ])?(?P<half>two|three|four|one|2|3|4)
        | (?P<word>two|three|four|twa)[ ](?:o'?[ ]?clock|pm))(?:[ ](?P<timed>one|wan|session|slot|training)\b)?
    )""",
    re.I | re.X,
)
_CLAUSE = re.compile(
    r"[,;:()]| - |\.\.+|(?<!\d)/(?!\d)|\b(?:but|so|then|though|because|cos|and|as|while|whereas|instead|since|which|otherwise|failing that|hence|therefore)\b",
    re.I,
)
_HIDDEN_END = re.compile(r"(?<=\w)[.;] +(?=[A-Z])|(?<=\bI)\. +(?=[A-Z])")
_RESETS = {"but", "so", "then", "instead", "though", "because", "cos", "while", "whereas", "otherwise", "failing that", "hence", "therefore"}
_TICKED = re.compile(r"(?:[\u2611\u2612\u2713\u2714\u2705\u2718]|\[ ?[xX\u2713] ?\]|\( ?[xX\u2713] ?\))\s*$")
_UNTICKED = re.compile(r"(?:[\u2610\u25a1\u25a2\u274f]|\[ ?\]|\( ?\)|\[_+\])\s*$")
_NOT_ON = re.compile(
    r"\b(?:until|till|til|since|before|after|by|from|between|day|days|room|week|page|age|aged|(?<!noon )(?<!session )(?<!training )of|"
    r"chapter|unit|lesson|no|number|week of)\s+(?:the\s+)?$",
    re.I,
)
_NOT_BEFORE_IT = re.compile(r"\b(?:not|no|never|no'|isn't|isnt|instead of|rather than)\s+(?:for\s+|on\s+|to\s+|in\s+)?(?:the\s+)?$", re.I)
_ANY_DAY = re.compile(r"\b(?:an?|any|one|standing|our|their|his|her|last)\s+$", re.I)  # «on a Wednesday», «our Tuesday group»
_FROM = re.compile(r"\b(?:from|off)\s+(?:the\s+)?$", re.I)
_TO = re.compile(r"\b(?:to|onto|on to|into|for|tae)\s+(?:the\s+)?$", re.I)
_OR = re.compile(r"\s*(?:,\s*)?(?:or(?: on| else)?|/|and/or|\bv\b|vs)\s*(?:on\s+)?(?:the\s+)?(?:on\s+)?$", re.I)
_AND = re.compile(r"\s*(?:,\s*)?(?:and(?: on)?|&|\+|plus|as well as|and also)\s*(?:for\s+|on\s+|to\s+)?(?:the\s+)?$", re.I)
_SAME_ONE = re.compile(
    r"[\s,(\-:]*(?:the\s+|on\s+|one\s+|wan\s+|session\s+|training\s+|afternoon\s+|date\s+|slot\s+|i\.?e\.?\s*|at\s+|"
    r"that is,?\s+|jan\w*\s+|course\s+|facilitator\s+|this\s+|that's\s+|there\s+|22\b|2022\b)*[\s,(\-:]*$",
    re.I,
)
_ME = re.compile(r"\b(?:i|i'm|im|i've|ive|i'll|i'd|me|my own|we|we're|we've|us|both of us|myself|ah|ah'm|a'm|wis|oot|mine|us|our)\b", re.I)
_THIRD = re.compile(
    r"^\W*(?:(?:and|but|while|whereas|though|although|since|if)\s+)?(?:"
    r"(?:(?:my|our|the|a|one|another|two|his|her)\s+(?:[\w-]+\s+){0,2}?"
    r"(?:colleague|colleagues|pal|friend|husband|wife|partner|neighbour|head|headteacher|depute|dht|ht|pt|buddy|stage partner|"
    r"faculty|team|rest|other|others|job share|jobshare|probationer|student|rep|of them)\b)"
    r"|(?:he|she|they|he's|she's|they're|hes|shes|who|others|someone|somebody|another|some|everyone)\b"
    r"|(?!(?:session|training|date|place|slot|course|booked|facilitator|choice|my|our|name|"
    r"mon|tue|wed|thu|fri|jan|yes|no|it|that|this|there|both|training|signed|also|just|had|have|going|hope)[a-z]*\b)"
    r"(?-i:[A-Z][a-z]+)(?:\s+(?-i:[A-Z][\w'-]+))?"
    r"(?:'s\s+(?:going|doing|booked|down|signed|on|at|got|attending|taking)|\s+(?:has|is|will|wants|wanted|went|did|would|can|can't|"
    r"cannot|hopes|booked|signed|got|goes|prefers|chose|picked|took|takes)\b))",
    re.I,
)
_NOTES = {  # why a mention did not count
    "declines": "session_declines",
    "other": "session_other",
    "undecided": "session_undecided",
    "conditional": "session_conditional",
    "replaced": "session_replaced",
    "unticked": "session_unticked",
}
_LONGEST_SENTENCE, _MOST_MENTIONS = 4000, 100  # beyond them no member is speaking
_STRENGTH = {"date": 0.95, "day": 0.9, "weekday": 0.8, "ordinal": 0.8, "relative": 0.8, "time": 0.6}


@dataclass(slots=True)
class _Mention:
    start: int  # in the sentence
    end: int
    sessions: frozenset[str]  # which it may be; empty for a date that is no session
    form: str
    stance: str = ""
    rule: str = ""


class SessionFinder:
    """Finds the sessions of ``folder/sessions.yaml``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path) -> None:
        self.sessions = load_sessions(folder)
        self._rules = compile_rules(load_rules(folder / "rules" / "sessions.yaml", shown="rules/sessions.yaml", says=LABELS))
        self._days = {session.start.day for session in self.sessions}
        self._ids = [session.id for session in self.sessions]
        hint = {"19", "25", "today", "tomorrow", "yesterday"} | {str(day) for day in self._days}
        spelt = {word for word, number in _ORDINAL_WORDS.items() if number in self._days}
        self._hint = re.compile(
            r"\d|\b(?:"
            + "|".join(sorted(hint | {w.replace("-", "[- ]") for w in spelt}))
            + r"|mon|tue|wed|wens|thu|fri|first|second|earl|late|former|last|other|ither|"
            r"this|tonight|morn|half|o'?clock|both|two|session|training|initial|next)",
            re.I,
        )

    def find(self, parsed: ParsedMessage, views: Sequence[TextView], *, received_at: datetime | None = None, for_another: bool = False) -> Sessions:
        """``for_another``: the message registers somebody else, whose sessions then count.

        ``received_at`` stands in for a Date that the message lacks.
        """
        if not self.sessions:
            return Sessions()
        moment = parsed.sent_at or received_at
        today = moment.astimezone(UK).date() if moment else None
        events: list[tuple[str, _Mention, Candidate]] = []
        talked = False
        for view in views:
            if view.where not in READ and not view.where.startswith("attachment:"):
                continue
            talked = self._read(view, today, events, talked)
        return self._choose(events, for_another=for_another)

    # --- finding

    def _read(self, view: TextView, today: date | None, events: list[tuple[str, _Mention, Candidate]], talked: bool) -> bool:
        cues: dict[int, list[tuple[str, str, int, int]]] = {}
        sentences = [piece for sentence in view.sentences for piece in _pieces(sentence.text, sentence.start_char)]
        starts = [start for _, start in sentences]
        for hit in self._rules.find(view):
            index = bisect_right(starts, hit.span.start_char) - 1
            base = starts[index]
            cues.setdefault(index, []).append((hit.phrase.label, hit.phrase.id, hit.span.start_char - base, hit.span.end_char - base))
        heading = False
        for index, (whole_text, base) in enumerate(sentences):
            text = whole_text[:_LONGEST_SENTENCE]
            found = cues.get(index, [])
            about = any(label == "about" for label, *_ in found)
            if self._hint.search(text):
                mentions = self._mentions(text, today, heading)
                if mentions:
                    self._stances(text, mentions, found, talked=talked or heading)
                    for mention in mentions:
                        if mention.stance:
                            self._add(view, base, mention, events)
                elif any(label == "present" for label, *_ in found) and about and (session := self._on(today)):
                    label, rule, start, end = next(cue for cue in found if cue[0] == "present")
                    self._add(view, base, _Mention(start, end, frozenset({session}), "relative", "takes", rule), events)
                heading = about and len(mentions) <= 2 and len(text) < 90
            elif text.strip():
                heading = about and len(text) < 90
            if any(label == "changes" for label, *_ in found):
                self._drop_earlier(events, base, view)
            whole = "none" if any(label == "none" for label, *_ in found) else "all"
            for label, rule, start, end in found:
                if label == whole:
                    for session in self._ids:
                        mention = _Mention(start, end, frozenset({session}), "ordinal", "takes" if label == "all" else "declines", rule)
                        self._add(view, base, mention, events)
            talked = about or (talked and bool(text.strip()))
        return talked

    def _add(self, view: TextView, base: int, mention: _Mention, events: list[tuple[str, _Mention, Candidate]]) -> None:
        start, end = view.to_source(base + mention.start, base + mention.end)
        evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=mention.rule or f"session.{mention.form}")
        for session in sorted(mention.sessions):
            candidate = Candidate(
                slot=Slot.SESSION,
                value=session,
                strength=_STRENGTH[mention.form],
                evidence=evidence,
                note=_NOTES.get(mention.stance, ""),
            )
            events.append((session, mention, candidate))

    @staticmethod
    def _drop_earlier(events: list[tuple[str, _Mention, Candidate]], base: int, view: TextView) -> None:
        for _, mention, candidate in events:
            before = candidate.evidence.where != view.where or candidate.evidence.start < view.to_source(base, base + 1)[0]
            if before and mention.stance == "takes":
                mention.stance = "replaced"

    def _on(self, day: date | None) -> str | None:
        return next((session.id for session in self.sessions if session.start.date() == day), None)

    def _mentions(self, text: str, today: date | None, heading: bool) -> list[_Mention]:
        found: list[_Mention] = []
        for match in itertools.islice(_DATE.finditer(text), _MOST_MENTIONS):
            form, sessions = self._resolve(match, text, today, heading)
            if form:
                start = match.start()
                found.append(_Mention(start, match.end(), frozenset(sessions), form))
        return self._joined(found, text)

    def _joined(self, found: list[_Mention], text: str) -> list[_Mention]:
        """«Tuesday ... (the 25th)» and «Wed 19th, 2 o'clock» are one mention each; so is «the later one, the Tuesday»."""
        joined: list[_Mention] = []
        for mention in found:
            last = joined[-1] if joined else None
            if last is not None and _SAME_ONE.fullmatch(text[last.end : mention.start]) and mention.form != last.form:
                both = last.sessions & mention.sessions
                if both or mention.form == "time":
                    last.sessions, last.end = both or last.sessions, mention.end
                    last.form = min(last.form, mention.form, key=lambda form: -_STRENGTH[form])
                    continue
                if not mention.sessions and mention.form in ("day", "date"):  # «Wednesday, 12 January»: another day altogether
                    last.sessions, last.end = frozenset(), mention.end
                    continue
            joined.append(mention)
        return joined

    def _resolve(self, match: re.Match[str], text: str, today: date | None, heading: bool) -> tuple[str, set[str]]:
        group = match.groupdict()
        before = text[max(0, match.start() - 24) : match.start()]
        weekday = _weekday(group["w1"])
        if group["iso"]:
            return "date", self._dated(int(group["isod"]), int(group["isom"]), int(group["iso"]))
        for day, month, year in (("d1", "m1", "y1"), ("d2", "m2", "y2"), ("d3", "m3", None)):
            if group[day]:
                month_meant = int(group[month]) if group[month].isdigit() else _month(group[month])
                if day == "d1" and month_meant not in {s.start.month for s in self.sessions}:
                    return "", set()
                return "date", self._dated(int(group[day]), month_meant, int(group[year]) if year and group[year] else None)
        if group["d4"]:
            if _NOT_ON.search(before) and weekday is None:
                return "", set()
            return "day", self._dated(int(group["d4"]), None, None, weekday)
        if group["spelt"]:
            number = _ORDINAL_WORDS[re.sub(" ", "-", group["spelt"].lower())]
            return "day", self._dated(number, _month(group["m5"]) if group["m5"] else None, None, weekday)
        if group["bare"]:
            bare = int(group["bare"])
            after = text[match.end() : match.end() + 24]
            listed = re.match(r"\s*(?:and|or|&|/)\s*(?:the )?\d{1,2}(?:st|nd|rd|th)?\b(?:\s*(?:of )?jan|(?=\s*[).:,?]))", after, re.I) is not None
            alone = heading and re.fullmatch(r"\W*\d{1,2}\W*", text) is not None
            if (weekday is not None or listed or alone) and bare in self._days:
                return "day", self._dated(bare, None, None, weekday)
            return "", set()
        if group["w6"]:
            if group["w6"].lower() in ("sat", "sun", "mon", "wed") and not group["w6"][0].isupper() and group["w6"].lower() != "wed":
                return "", set()
            return "weekday", self._on_weekday(_weekday(group["w6"]), (group["next"] or "").strip().lower(), text[match.end() : match.end() + 12], today)
        if group["rel"]:
            if today is None:
                return "", set()
            word = group["rel"].lower()
            if word.startswith("next"):
                monday = today + timedelta(days=7 - today.weekday())
                return "relative", {s.id for s in self.sessions if 0 <= (s.start.date() - monday).days < 7}
            day_meant = today + timedelta(days=1 if word.startswith(("tomor", "the morn")) else -1 if word == "yesterday" else 0)
            session = self._on(day_meant)
            return ("relative", {session}) if session else ("", set())
        if group["ord"] or group["bareord"]:
            return "ordinal", self._ordinal((group["ord"] or group["bareord"]).lower())
        return self._timed(group)

    def _dated(self, day: int, month: int | None, year: int | None, weekday: int | None = None) -> set[str]:
        if year is not None and year < 100:
            year += 2000
        return {
            s.id
            for s in self.sessions
            if s.start.day == day and month in (None, s.start.month) and year in (None, s.start.year) and weekday in (None, s.start.weekday())
        }

    def _on_weekday(self, weekday: int | None, which: str, after: str, today: date | None) -> set[str]:
        found = {s.id for s in self.sessions if s.start.weekday() == weekday}
        if today is None:
            return found
        if which == "last":
            return {s.id for s in self.sessions if s.id in found and 0 < (today - s.start.date()).days <= 8}
        if which or re.match(r" (?:coming|next week|this week)", after):
            # «next Tuesday» is said of any Tuesday in the next fortnight.
            return {s.id for s in self.sessions if s.id in found and 0 <= (s.start.date() - today).days <= 13}
        return found

    def _ordinal(self, word: str) -> set[str]:
        if word in ("other", "ither"):
            return set(self._ids) if len(self._ids) == 2 else set()  # settled when choosing
        if word in ("first", "1st", "earlier", "earliest", "former", "initial"):
            return {self._ids[0]}
        if word in ("second", "2nd") and len(self._ids) > 1:
            return {self._ids[1]}
        return {self._ids[-1]}

    def _timed(self, group: Mapping[str, str | None]) -> tuple[str, set[str]]:
        words = {"one": 1, "two": 2, "twa": 2, "three": 3, "four": 4}
        minute = 0
        if group["half"]:
            hour = words.get(group["half"].lower(), 0) or int(group["half"])
            minute = 30
        elif group["word"]:
            hour = words[group["word"].lower()]
        elif group["hour"] and (group["min"] or group["ap"]):
            hour, minute = int(group["hour"]), int(group["min"] or 0)
            if (group["ap"] or "").lower().startswith("a"):
                return "", set()
        else:
            return "", set()
        return "ordinal" if group["timed"] else "time", {s.id for s in self.sessions if s.start.minute == minute and s.start.hour % 12 == hour % 12}

    # --- the stance of each mention

    def _stances(self, text: str, mentions: list[_Mention], cues: list[tuple[str, str, int, int]], *, talked: bool) -> None:
        labels = {label for label, *_ in cues}
        about = "about" in labels
        strong = bool({"takes", "declines", "undecided"} & labels)
        firm = strong and (talked or any(label in ("takes", "declines", "undecided") and rule != "session.likes" for label, rule, *_ in cues))
        rest = len(re.findall(r"[A-Za-z]{2,}", text)) - sum(len(re.findall(r"[A-Za-z]{2,}", text[m.start : m.end])) for m in mentions)
        alone = rest <= 3 and not {"elsewhere", "recurring"} & labels
        clauses = list(_clauses(text))
        current, owner = "", "me"
        done: list[_Mention] = []
        spoken: list[set[tuple[str, str]]] = [set() for _ in clauses]
        begins = [start for start, _, _ in clauses]
        for label, rule, first, last in cues:
            for index in range(bisect_right(begins, first) - 1, bisect_right(begins, last - 1)):
                spoken[index].add((label, rule))
        for (start, end, joint), inside in zip(clauses, spoken, strict=True):
            names = {label for label, _ in inside}
            clause = text[start:end]
            if joint in _RESETS:
                current = "conditional" if joint in ("otherwise", "failing that") else ""
                owner = "me"
            if _THIRD.search(clause) and not _ME.search(clause):
                owner = "other"
            elif _ME.search(clause) or "same" in names:
                owner = "me"
            if "declines" in names and not ("takes" in names and not any(m.start >= start and m.end <= end for m in mentions)):
                current = "declines"
            elif "takes" in names:
                current = "takes"
            elif "undecided" in names:
                current = "undecided"
            here = [m for m in mentions if start <= m.start < end]
            if (
                not here
                and "declines" in names
                and done
                and re.search(r"\b(?:it|that|this|then)\b|^\W*(?:can't|cannot|cant)\b", clause, re.I)
                and owner == "me"
            ):
                for mention in done[-1:]:
                    if mention.stance == "takes":
                        mention.stance = "declines"
                current = ""
            if "same" in names:
                for mention in done:
                    if mention.stance == "other":
                        mention.stance = "takes"
            for mention in here:
                mention.rule = next((rule for label, rule in sorted(inside) if label in ("takes", "declines", "undecided")), "")
                mention.stance = self._stance(text, mention, current, owner, labels, about=about, strong=strong, firm=firm, alone=alone, talked=talked)
                done.append(mention)
        self._pairs(text, mentions, labels)

    def _stance(
        self, text: str, mention: _Mention, current: str, owner: str, labels: set[str], *, about: bool, strong: bool, firm: bool, alone: bool, talked: bool
    ) -> str:
        if not mention.sessions:
            return ""
        before = text[max(0, mention.start - 30) : mention.start]
        if _TICKED.search(before):
            return "takes"
        if _UNTICKED.search(before):
            return "unticked"
        form = mention.form
        if form == "weekday" and _ANY_DAY.search(before):
            return ""
        if "recurring" in labels and form in ("weekday", "time", "ordinal"):
            return ""
        if "elsewhere" in labels and not (about or {"takes", "declines"} & labels):
            return ""
        enough = {
            "date": about or strong or alone or talked,
            "day": about or strong or alone,
            "weekday": about or firm or (alone and talked),
            "ordinal": about or strong or (alone and talked),
            "relative": about or "present" in labels,
            "time": about and strong,
        }[form]
        if not enough:
            return ""
        if _NOT_BEFORE_IT.search(before):
            return "declines"
        if owner == "other":
            return "other"
        if "?" in text and "takes" not in labels and current in ("", "undecided") and not alone:
            return "asked"
        if current:
            return current
        return "takes" if "undecided" not in labels else "undecided"

    def _pairs(self, text: str, mentions: list[_Mention], labels: set[str]) -> None:
        """«from A to B», «A or B», «A and B», «A or B: B»."""
        for one, other in itertools.pairwise(mentions):
            between = text[one.end : other.start]
            if one.sessions == other.sessions:
                continue
            if _FROM.search(text[max(0, one.start - 16) : one.start]) and _TO.search(between) and one.sessions and other.sessions:
                one.stance, other.stance = "declines", "takes"
            elif _OR.search(between) and len(between) < 25 and one.stance in ("takes", "undecided") and other.stance in ("takes", "undecided"):
                one.stance = other.stance = "undecided"
            elif _AND.fullmatch(between) and one.stance and other.stance and not {one.stance, other.stance} & {"other"}:
                if one.stance == "undecided" or other.stance == "undecided":
                    one.stance = other.stance = "undecided"
                elif one.stance == "takes" and "takes" not in labels:  # «training is on the 19th and the 25th» tells, and chooses neither
                    one.stance = other.stance = ""
                else:
                    other.stance = one.stance
        taken = [mention for mention in mentions if mention.stance == "takes" and len(mention.sessions) == 1]
        if "changes" in labels and len({next(iter(mention.sessions)) for mention in taken}) > 1:
            for mention in taken:
                if mention.sessions != taken[-1].sessions:
                    mention.stance = "declines"
        unsure = [i for i, m in enumerate(mentions) if m.stance == "undecided"]
        if unsure and unsure[-1] + 1 < len(mentions) and "undecided" not in labels:
            later = mentions[unsure[-1] + 1]
            if later.sessions and not later.stance:
                later.stance = "takes"

    # --- choosing

    def _choose(self, events: list[tuple[str, _Mention, Candidate]], *, for_another: bool) -> Sessions:
        last: dict[str, str] = {}
        counted = {"takes", "declines", "undecided", "conditional"} | ({"other"} if for_another else set())
        for session, mention, _ in events:
            stance = mention.stance
            if stance == "other" and for_another:
                stance = "takes"
            if len(mention.sessions) > 1:
                continue
            if mention.stance in counted:
                last[session] = "declines" if stance == "replaced" else stance
        for _, mention, _ in events:  # «the other one»: the one that was not refused or named before
            if len(mention.sessions) > 1 and mention.stance == "takes":
                named = [session for session, stance in last.items() if stance in ("declines", "conditional")] or list(last)
                rest = [session for session in self._ids if session not in named]
                if len(rest) == 1 and named:
                    last[rest[0]] = "takes"
        asked = {session for session, mention, _ in events if mention.stance == "asked"}
        if len(asked) == 1 and not last:  # «is the 25th recorded?» is asked by who means to go
            last[next(iter(asked))] = "takes"
        chosen = [session for session in self._ids if last.get(session) == "takes"]
        reasons: list[Reason] = []
        if not chosen and any(mention.stance == "undecided" for _, mention, _ in events):
            reasons.append(Reason(code="session_undecided"))
        candidates = []
        for session, mention, candidate in events:
            takes = mention.stance in ("takes", "asked") or (for_another and mention.stance == "other")
            note = "" if takes else _NOTES.get(mention.stance, "")
            candidates.append(
                Candidate(
                    slot=candidate.slot, value=session, strength=candidate.strength, evidence=candidate.evidence, chosen=takes and session in chosen, note=note
                )
            )
        chosen = [session for session in chosen if any(c.chosen and c.value == session for c in candidates)]
        return Sessions(sessions=tuple(chosen), candidates=tuple(candidates), reasons=tuple(reasons))


def _pieces(text: str, start: int) -> Iterator[tuple[str, int]]:
    """A sentence, cut where an abbreviation's stop hid its end: «Wed 19 Jan. I teach until then.»"""
    at = 0
    for match in _HIDDEN_END.finditer(text):
        yield text[at : match.end()], start + at
        at = match.end()
    yield text[at:], start + at


def _clauses(text: str) -> Iterator[tuple[int, int, str]]:
    start, joint = 0, ""
    for match in _CLAUSE.finditer(text):
        yield start, match.start(), joint
        start, joint = match.start(), match.group().strip().lower()
    yield start, len(text), joint


def _weekday(word: str | None) -> int | None:
    if not word:
        return None
    return _WEEKDAYS.get("wed" if word.lower().startswith("we") else word.lower()[:3])


def _month(word: str) -> int:
    return next(number for number, name in enumerate(_MONTHS, start=1) if name.startswith(word.lower().rstrip(".")[:3]))
