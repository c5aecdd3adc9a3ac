"""What a message is: from a machine or a person, and what the person wants.

Machines first, by header fields (``headers`` and ``senders`` in ``rules/kind.yaml``), by the parts of the
message (a delivery report, a receipt, a calendar answer) and, because many machines send none of these,
by their words. Each sign has a weight; what a person would write weighs against the signs that a person
may carry too (a list's header, an «Automatic reply» left in a subject). A sign that no person's mail has
(Auto-Submitted, a null Return-Path) decides alone.

Then the person: withdrawal, follow-up, enquiry, expression of interest, or nothing to do with us.

Promise: where machine and person weigh alike the message is a person's and says ``perhaps_automatic``,
so that a person looks: no machine is answered, no member ignored. Every sign that spoke is a Candidate.

What it does badly: a newsletter written like a letter from one teacher passes for a person; a reply and a
first message are told apart by headers, subject and a few words, so a first message sent as a reply to
an old thread may count as a follow-up.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, Kind, ParsedMessage, Reason, Slot, ZoneKind
from parse.followup import FollowUpWords
from parse.phrases import Hit
from parse.rulefile import compile_rules, load_rules
from parse.textview import TextView
from parse.wordshare import Share, WordShare

__all__ = ["Found", "KindFinder", "KindReading", "Kinds"]

MACHINE_LABELS = ("bounce", "automatic", "bulk", "spam")
PERSON_LABELS = (
    *("interest", "undecided", "hesitates", "detail", "withdraws", "leaves", "stays", "goes_on", "on_behalf", "with_them", "not_me"),
    *("elsewhere", "leaves_them", "answers_us", "replies", "first", "circular", "acknowledged", "programme", "scheme", "private", "desk", "human"),
)
_REFERS, _OTHERS, _OF_THEM = "refers", "others", "of_them"  # they say nothing of a message by themselves
SAYS = (*MACHINE_LABELS, *PERSON_LABELS, _REFERS, _OTHERS, _OF_THEM)
MACHINES = {
    "bounce": (Kind.BOUNCE, "delivery_report"),
    "automatic": (Kind.AUTO_REPLY, "automatic_reply"),
    "bulk": (Kind.UNRELATED, "bulk_mail"),
    "spam": (Kind.UNRELATED, "spam"),
}
OWN = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER}
_PLACES = ("subject", "body", "any")
_NOT_OWN = frozenset({ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.FORWARDED, ZoneKind.DISCLAIMER, ZoneKind.SIGNATURE})
# A bounce holds the message it is about; bulk mail's footer may pass for a signature or a disclaimer.
_NOT_THE_SENDERS = {"bounce": frozenset({ZoneKind.OWN_QUOTE}), "bulk": frozenset({ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.FORWARDED})}
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|ynt|fwd?|fw|wg|tr)\s*(?:\[\d+\])?\s*:", re.I)
_SPEAKS_FOR = {Kind.WITHDRAWAL: "withdraws", Kind.FOLLOW_UP: "replies", Kind.ENQUIRY: "undecided", Kind.EXPRESSION_OF_INTEREST: "interest"}
_RELATE = ("interest", "programme", "undecided", "withdraws", "leaves", "replies")
_OF_READER = re.compile(r"\b(?:you(?:'re| are)?|your|anyone|someone)\s+(?:\w+\s+){0,3}$", re.I)
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?=\S)|\n(?!\s*\n))+")
# Before the words of a note: «Yes, and I'm on leave», «(b): ...», «Sorry - ...» answer somebody.
_ANSWER_WORDS = r"\b(?:yes|no|nope|aye|ok|okay|right|correct|both|first|second|third|last|either|neither|sorry|\d+)\b"
_ANSWERS = re.compile(rf"[,:;()\u2013\u2014]|\s-|{_ANSWER_WORDS}", re.I)
_SHORT_ANSWER = re.compile(rf"\A\W*[a-h]\W*\Z|{_ANSWER_WORDS}", re.I)
_LONGEST_NOTE, _FEWEST_WORDS = 700, 4  # characters; words of a sentence
_CANNOT = "person.cannot"  # «staff here can't take part» is a withdrawal, or what somebody asks about
_WANT_NO_ANSWER, _NOTICE = {"automatic.unattended", "automatic.declares"}, "bulk.notice"
_ON_LEAVE = {"automatic.away", "automatic.will-answer"}
_FEWEST_TO_ASK = 2
_LONGEST_ANSWER = 40  # words of a reply that says nothing but its answer
_PLAINLY_GOES_ON = 1.5  # the weight of signs of earlier mail that no table of words outweighs
_TOLD_BEFORE = 0.7  # the weight of signs of earlier mail in a letter that has nothing else to say
_PLAINLY_PRIVATE = 1.4  # the weight of several signs of a private letter
_AWAY = re.compile(r"[.!?;\n]|\b(?:i|we|me|us)\b", re.I)  # from here on somebody else is spoken of
_FIRST_PERSON = re.compile(r"\b(?:i|we|me|us)\b|\b(?:i|we)['\u2019]", re.I)
_MINE = re.compile(r"\b(?:my|our)\b", re.I)
_SUBJECT = 16  # characters before a verb in which who does it is named
_ONE_PERSON = re.compile(r"\bI\b|\bmy\b")
_TELLS_OF_BOUNCE = "person.tells-of-bounce"  # «my first message came back: address not found»
_FORWARD = re.compile(r"\s*(?:fwd?|fw|wg|tr)\s*:", re.I)
_TITLE = r"(?:(?:mr|mrs|ms|miss|dr)\.?\s+)?"
_SALUTES = r"(?:dear|hi|hello|hiya|hey|(?:good )?(?:morning|afternoon|evening)|(?:many )?thanks|thank you|ok|okay|great|sorry)(?:\s+again)?[,\s]+"
_GREETS = re.compile(rf"^\W*{_SALUTES}{_TITLE}([^\W\d_]{{2,}})", re.I | re.M)
_OPENING = 1000  # characters of a quoted letter in which it greets and says whom it is from
_ASKS_BELOW = re.compile(r"\?|\bwe (?:are |still |also |only )*(?:need|require|lack|missing)\b|\bplease (?:tell|send|give|let|confirm|reply)\b", re.I)
_QUOTED_FROM = re.compile(r"^\W*From:.*$|^.*\bwrote:\s*$", re.I | re.M)
_FROM = re.compile(r"^\W*From:\s*(.+)$", re.I | re.M)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the other finders read, as far as it tells a registration from an enquiry."""

    asks: bool = False
    asked: tuple[Evidence, ...] = ()  # the sentences that ask: «can I put my name on it?» registers nobody
    about_us: bool = False  # a question holds words of ours (fees, sessions, eligibility)
    concerns: tuple[str, ...] = ()
    institutions: bool = False
    authorities: bool = False
    activities: bool = False
    topics: bool = False
    place_told: bool = False  # an institution is named, and not only by an address
    topic_told: bool = False  # something introduces the topic; it is no guess from the form of the words
    sessions: bool = False
    by_option: bool = False  # the activity is a number or a letter of a list that is quoted
    perhaps_activities: bool = False  # an activity is told of, and not surely enough


@dataclass(frozen=True, kw_only=True, slots=True)
class Kinds:
    kind: Kind
    on_behalf: bool = False
    surely: bool = False  # a machine, by a mark that no person's mail has
    strongly: bool = False  # a machine by so many words that a school in the signature and a topic do not outweigh them
    loudly: bool = False  # a machine by its headers and its words, which nothing that it names of schools outweighs
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _HeaderSign:
    id: str
    name: str
    value: re.Pattern[str]
    unless: re.Pattern[str] | None
    says: str
    weight: float


@dataclass(frozen=True, slots=True)
class _Sign:
    says: str
    weight: float
    evidence: Evidence
    surely: bool  # no person's mail carries it


class KindFinder:
    """Reads with ``folder/rules/kind.yaml``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path, *, own_addresses: Collection[str] = ()) -> None:
        file = load_rules(folder / "rules" / "kind.yaml", shown="rules/kind.yaml", says=SAYS, extra=("in",))
        self.matcher = compile_rules(file)
        self.wavers, self.loud, self.unlike_ours, self.like_ours, self.goes_on, self.begins = (
            _decides(file.settings, key, file.file) for key in ("wavers", "loud", "unlike_ours", "like_ours", "goes_on", "begins")
        )
        self.unrelated_words = WordShare(folder, "unrelated")
        self.followup_words = FollowUpWords(folder)
        self.place: dict[str, str] = {}
        for rule in file.rules:
            place = rule.extra.get("in", "any")
            if place not in _PLACES:
                raise ProgrammeError(file.file, rule.line, f"rule «{rule.phrase.id}»: «in: {place}» is none of {', '.join(_PLACES)}")
            self.place[rule.phrase.id] = place
        self._headers = tuple(_header_sign(item, file.file) for item in file.settings.get("headers") or [])
        self._senders = tuple(_header_sign({"header": "from", **item}, file.file) for item in file.settings.get("senders") or [])
        self._own = frozenset(address.lower() for address in own_addresses)

    def read(self, parsed: ParsedMessage, views: Sequence[TextView]) -> KindReading:
        """The message with every sign in it, to be asked for its kind."""
        texts = [view for view in views if not view.where.startswith("attachment:") and view.where is not ZoneKind.BANNER]
        return KindReading(self, parsed, texts)

    def part_signs(self, parsed: ParsedMessage) -> Iterable[_Sign]:
        types = parsed.content_types
        where = "header:Content-Type"
        value = next(iter(parsed.header_values("Content-Type")), "")
        whole = Evidence(where=where, start=0, end=len(value), text=value, rule="part.report")
        report = parsed.report
        if "message/disposition-notification" in types or (report and report.action in ("displayed", "deleted", "dispatched", "processed")):
            yield _Sign("automatic", 1.0, whole, True)
        elif (
            "message/delivery-status" in types
            or "message/global-delivery-status" in types
            or report is not None
            or ("report" in value.lower() and "multipart/report" in types)
        ):
            yield _Sign("bounce", 1.0, whole, True)
        if parsed.calendar_method in ("REPLY", "COUNTER", "DECLINECOUNTER"):
            yield _Sign("automatic", 1.0, Evidence(where=where, start=0, end=len(value), text=value, rule="part.calendar-answer"), True)
        if parsed.return_path == "":
            yield _Sign("automatic", 1.0, Evidence(where="header:Return-Path", start=0, end=0, text="", rule="header.null-return-path"), True)

    def header_signs(self, parsed: ParsedMessage) -> Iterable[_Sign]:
        for sign in self._headers:
            for value in parsed.header_values(sign.name):
                text = value[:2000].strip()
                if sign.value.search(text) and not (sign.unless and sign.unless.search(text)):
                    yield _Sign(sign.says, sign.weight, _header_evidence(sign, value), sign.weight >= 1.0)
                    break
        if parsed.sender is not None:
            for sign in self._senders:
                if sign.value.search(parsed.sender.address):
                    value = next(iter(parsed.header_values("From")), "")
                    yield _Sign(sign.says, sign.weight, _header_evidence(sign, value), False)
            if parsed.sender.address.lower() in self._own:
                value = next(iter(parsed.header_values("From")), "")
                yield _Sign("automatic", 0.5, Evidence(where="header:From", start=0, end=len(value), text=value, rule="sender.our-own"), False)


class KindReading:
    """One message and the signs in it. First ask ``machine``; if it says None, ask ``person``."""

    def __init__(self, finder: KindFinder, parsed: ParsedMessage, texts: Sequence[TextView]) -> None:
        self._finder, self._parsed, self._texts = finder, parsed, texts
        self._hits: list[tuple[str, Hit]] = [(view.where, hit) for view in texts for hit in finder.matcher.find(view)]
        self._forwards = _FORWARD.match(parsed.subject) is not None
        self._replies_to = _REPLY.match(parsed.subject) is not None and not self._forwards
        self._machine_signs = [*finder.part_signs(parsed), *finder.header_signs(parsed), *self._text_signs(MACHINE_LABELS), *self._whom_to_ask()]

    def _text_signs(self, labels: Collection[str], where: Collection[str] | None = None) -> list[_Sign]:
        signs: list[_Sign] = []
        for place, hit in self._hits:
            label = hit.phrase.label
            if label not in labels or (where is not None and place not in where):
                continue
            wanted = self._finder.place[hit.phrase.id]
            subject = place == "subject"
            if wanted != "any" and (wanted == "subject") is not subject:
                continue
            if label in MACHINE_LABELS:
                if subject and self._replies_to:
                    continue  # the subject of a reply is somebody else's
                if place in _NOT_THE_SENDERS.get(label, _NOT_OWN):
                    continue
            signs.append(_Sign(label, hit.phrase.weight, hit.evidence(), False))
        return signs

    # --- machines

    def _whom_to_ask(self) -> Iterable[_Sign]:
        """«S3 tracking: see Jill. Lost property: ask the office»: who says for each matter whom to ask is away."""
        person = [hit.evidence() for place, hit in self._hits if place in OWN and hit.phrase.label == "human"]  # «Topic: see below» fills in a form
        hits = [hit for place, hit in self._hits if place in OWN and hit.phrase.label == _REFERS]
        said = [evidence for evidence in (hit.evidence() for hit in hits) if not any(_overlap(evidence, other) for other in person)]
        if len(said) >= _FEWEST_TO_ASK:
            yield _Sign("automatic", hits[0].phrase.weight, said[0], False)

    def machine(self, *, says_nothing: bool = False) -> Kinds | None:
        """The kind of a message that no person typed to us, or None. ``says_nothing``: none of what we look for is in it."""
        signs = _once_said(self._machine_signs)
        if not any(sign.evidence.where != ZoneKind.QUOTE for sign in signs) and self._own_words() >= _FEWEST_WORDS:
            return None  # a report that somebody answers, or sends on with a word of their own
        if says_nothing:
            signs += self._nothing_else()
        human = self._human()
        candidates = tuple(_candidate(sign) for sign in signs)
        weights = {label: _best_sum((sign for sign in signs if sign.says == label), again=0.5) for label in MACHINE_LABELS}
        # Who sells and who cheats use each other's words: together they weigh what the two say, and the louder one names it.
        unasked = max(("bulk", "spam"), key=lambda label: weights[label])
        weights[unasked] += weights["spam" if unasked == "bulk" else "bulk"] * 0.7
        # «Thank you for your booking. Please do not reply»: who wants no answer and sends notices is a machine by both together.
        if {sign.evidence.rule for sign in signs} & _WANT_NO_ANSWER and any(sign.evidence.rule == _NOTICE for sign in signs):
            weights["bulk"] += weights["automatic"] * 0.5
        label = max(MACHINE_LABELS, key=lambda label: weights[label])  # of equals the first, in the order of the labels
        # «Your request has been logged» is an answer, where headers alone say that it is bulk.
        headers_only = all(sign.evidence.where.startswith("header:") for sign in signs if sign.says == "bulk")
        if label == "bulk" and headers_only and weights["automatic"] >= self._finder.loud:
            label = "automatic"
        # A sign that no person's mail has says that a machine wrote; which kind of machine is told by all signs together.
        surely = any(sign.surely for sign in signs)
        if weights[label] - human < 1.0 and not surely:
            return None
        kind, code = MACHINES[label]
        own = [sign for sign in signs if sign.says == label]
        strongly = weights[label] - human >= self._finder.loud
        loudly = strongly and len({sign.evidence.where.startswith("header:") for sign in own}) == 2  # by both
        return Kinds(
            kind=kind,
            surely=surely,
            strongly=strongly,
            loudly=loudly,
            candidates=_chosen(candidates, label),
            reasons=(Reason(code=code, detail=_first(signs, label)),),
        )

    def _own_words(self) -> int:
        return sum(len(self._parsed.body[zone.start : zone.end].split()) for zone in self._parsed.zones if zone.kind in OWN)

    def _nothing_else(self) -> list[_Sign]:
        """Where each sentence of a short note is one that machines write, that is a sign more: people say what they want as well.

        Greetings, names and sign-offs aside, which are shorter than any sentence that says something.
        """
        body = self._parsed.body
        own = [zone for zone in self._parsed.zones if zone.kind in OWN and body[zone.start : zone.end].strip()]
        if not own or sum(zone.end - zone.start for zone in own) > _LONGEST_NOTE:
            return []
        said = [sign.evidence for sign in self._machine_signs if sign.says == "automatic" and sign.evidence.where in OWN]
        pieces = [(zone.start + found.start(), zone.start + found.end()) for zone in own for found in _SENTENCE.finditer(body[zone.start : zone.end])]
        sentences = [(start, end) for start, end in pieces if len(body[start:end].split()) >= _FEWEST_WORDS]
        if not said or not sentences or any(_SHORT_ANSWER.search(body[start:end]) for start, end in pieces if (start, end) not in sentences):
            return []
        for start, end in sentences:
            first = min((one.start for one in said if start <= one.start < end), default=None)
            if first is None or _ANSWERS.search(body[start:first]):
                return []
        start, end = sentences[0][0], sentences[-1][1]
        whole = Evidence(where=own[0].kind, start=start, end=end, text=body[start:end], rule="part.nothing-but-a-note")
        return [_Sign("automatic", 0.5, whole, False)]

    def _human(self) -> float:
        """How much this reads like a member writing to us; bounded, so that a machine's quote of a member is still a machine's."""
        machines = [sign for sign in self._machine_signs if not sign.surely]
        signs = self._text_signs(("interest", "human", "private", "withdraws"), OWN)
        # «technical details below», «my classes are covered»; «unsubscribe me» is a person's all the same, and so is «Una has retired, so please take her off»
        signs = [sign for sign in signs if not any(self._of_note(sign, said) for said in machines)]
        return min(1.5, _best_sum(sign for sign in signs if not (sign.says in ("interest", "withdraws") and self._of_the_reader(sign.evidence))))

    @staticmethod
    def _of_note(sign: _Sign, said: _Sign) -> bool:
        """Whether what might be a person's sign is a part of a machine's."""
        within = _overlap if said.says == "automatic" and sign.says != "withdraws" else _inside
        return within(sign.evidence, said.evidence)

    def _of_the_reader(self, evidence: Evidence) -> bool:
        """«Would you be interested in a demo?» is no interest of the writer's, nor is «if you no longer wish to hear from us» a farewell."""
        text = self._parsed.subject if evidence.where == "subject" else self._parsed.body
        return _OF_READER.search(text[max(0, evidence.start - 30) : evidence.start]) is not None

    def _perhaps(self, *, told: bool, wants: bool) -> list[_Sign]:
        """The signs of a machine on a message that was taken for a person's, where they nearly sufficed.

        ``told``: the message tells a school and an activity; who does that on leave («back in April») is no note of absence,
        and who also ``wants`` to take part and writes like a member is no machine for «I may be slow to reply» below the name,
        nor for «don't hesitate to ask».
        """
        signs = self._machine_signs
        if told and all(sign.evidence.rule in _ON_LEAVE for sign in signs if sign.says == "automatic"):
            signs = [sign for sign in signs if sign.says != "automatic"]
        if self._human() >= 1.0:  # who writes like a member is one, whatever the address
            if told and wants:
                by_header = {sign.says for sign in signs if sign.evidence.where.startswith("header:")}
                signs = [sign for sign in signs if sign.says in ("bounce", *by_header)]
            signs = [sign for sign in signs if not sign.evidence.rule.startswith("sender.")]
            if any(sign.evidence.rule == _TELLS_OF_BOUNCE for sign in self._text_signs(("human",), OWN)):
                signs = [sign for sign in signs if sign.says != "bounce" or sign.evidence.where.startswith("header:")]
        return signs if any(_best_sum(sign for sign in signs if sign.says == label) >= 0.9 for label in MACHINE_LABELS) else []

    def _of_the_writer(self, evidence: Evidence) -> bool:
        """«We have to pull out», «take me off», but not «Crathie have had to pull out»."""
        return _FIRST_PERSON.search(self._parsed.body[max(0, evidence.start - _SUBJECT) : evidence.end]) is not None or _MINE.search(evidence.text) is not None

    def _of_others(self, evidence: Evidence) -> bool:
        """«Two schools had to drop out» is no withdrawal of the writer's; nor is «our partner school, up the hill, is not taking part»."""
        for label in (_OTHERS, _OF_THEM):
            starts, ends = self._others.get((label, evidence.where), ((), ()))
            if at := bisect_left(starts, evidence.start):
                between = self._parsed.body[ends[at - 1] : evidence.start]  # from the nearest of them: what stands before it is away as well
                if not (_AWAY.search(between) if label == _OF_THEM else between.strip()):
                    return True
        return False

    @cached_property
    def _others(self) -> dict[tuple[str, str], tuple[list[int], list[int]]]:
        """Where somebody else is spoken of, by label and zone: where each mention begins, and where all up to it have ended."""
        found: dict[tuple[str, str], list[Evidence]] = {}
        for _, hit in self._hits:
            if hit.phrase.label in (_OTHERS, _OF_THEM):
                evidence = hit.evidence()
                found.setdefault((hit.phrase.label, evidence.where), []).append(evidence)
        told = {}
        for key, mentions in found.items():
            mentions.sort(key=lambda one: one.start)
            told[key] = ([one.start for one in mentions], list(accumulate((one.end for one in mentions), max)))
        return told

    # --- persons

    def person(self, found: Found) -> Kinds:
        """The kind of a message that a person wrote."""
        parsed = self._parsed
        signs = self._text_signs(PERSON_LABELS, {*OWN, "subject"})
        signs = [sign for sign in signs if sign.says != "interest" or not any(_within(sign.evidence, asked) for asked in found.asked)]
        # «Re: Your expression of interest» is our subject, or that of a machine which writes about it.
        signs = [sign for sign in signs if not (sign.says == "interest" and sign.evidence.where == "subject" and self._of_the_reader(sign.evidence))]
        # «Before I think of putting my name forward» puts no name forward.
        unsure = [sign.evidence for sign in signs if sign.says in ("undecided", "hesitates")]
        signs = [sign for sign in signs if sign.says != "interest" or not any(_within(sign.evidence, said) for said in unsure)]
        # «Media enquiry about teacher research» is for the desk that it names, and has to do with the programme by no word beside.
        desks = [sign.evidence for sign in signs if sign.says == "desk"]
        signs = [sign for sign in signs if sign.says != "scheme" or not any(_inside(sign.evidence, said) for said in desks)]
        for_others = any(sign.says == "on_behalf" for sign in signs)
        details = [sign.evidence for sign in signs if sign.says == "detail"]
        not_me = [sign.evidence for sign in signs if sign.says == "not_me"] if for_others or (found.activities and found.institutions) else []
        signs = [
            sign
            for sign in signs
            if sign.says != "withdraws"
            # Who names a group and its school, and takes no part himself, is the group's hand: it does not leave.
            or not (any(_overlap(sign.evidence, said) for said in (*not_me, *details)) or (sign.evidence.where != "subject" and self._of_others(sign.evidence)))
        ]
        # «I dropped out of the Masters» leaves us nothing to take off the list.
        elsewhere = [sign.evidence for sign in signs if sign.says == "elsewhere"]
        signs = [sign for sign in signs if sign.says not in ("withdraws", "leaves") or not any(_overlap(sign.evidence, said) for said in elsewhere)]
        # «Lynsey has had to drop out, so we are three now»: one of a group that goes on.
        if any(sign.says == "goes_on" for sign in signs):
            signs = [sign for sign in signs if sign.says != "withdraws" or sign.evidence.where == "subject" or self._of_the_writer(sign.evidence)]
        if found.asks and not self._conversation(signs) and all(sign.evidence.rule == _CANNOT for sign in signs if sign.says == "withdraws"):
            signs = [sign for sign in signs if sign.says != "withdraws"]  # who never registered and asks leaves nothing
        # «Mrs Docherty will attend; she has not decided which» leaves the writer's own mind made up; so does «I haven't decided which session».
        signs = [
            sign
            for sign in signs
            if sign.says not in ("undecided", "hesitates")
            or not (any(_overlap(sign.evidence, said) for said in (*details, *not_me)) or (sign.evidence.where != "subject" and self._of_others(sign.evidence)))
        ]
        weight = {label: _best_sum(sign for sign in signs if sign.says == label) for label in PERSON_LABELS}
        quoted = {ZoneKind.QUOTE, ZoneKind.OWN_QUOTE} | ({"subject"} if self._replies_to else set())
        # «Dear member, thank you for your interest» is our own answer, however it greets.
        answered = _best_sum(self._text_signs(("acknowledged",), quoted - {"subject"}))
        weight["answered"] = answered
        # Several signs of a private letter together outweigh a word about us that one of them leaves standing.
        weight["private_repeatedly"] = _best_sum((sign for sign in signs if sign.says == "private"), again=0.5)
        weight["undecided"] += weight["hesitates"]
        # «I was down for Wednesday and have moved myself to Tuesday»: who neither says what they do nor that they want in has done so before.
        before = [sign for sign in signs if sign.says == "replies"]
        wants = any(sign.says == "interest" and not any(_overlap(sign.evidence, said.evidence) for said in before) for sign in signs)
        weight["replies"] = max(0.0, weight["replies"] - weight["first"])  # «me again on a Saturday, and this is my first email to you»
        weight["told_before"] = 0.0 if wants else weight["replies"] - weight["circular"]
        weight["plainly_told"] = max((sign.weight for sign in before), default=0.0)  # «I'm registered for tomorrow's training but no link came»
        weight["programme"] = max(weight["programme"], weight["scheme"])
        weight["replies"] += found.by_option
        weight["circular"] = max(0.0, _best_sum(self._text_signs(("circular",), quoted)) - answered)
        reasons: list[Reason] = []
        forwarded = any(zone.kind is ZoneKind.FORWARDED for zone in parsed.zones) or any(a.content_type == "message/rfc822" for a in parsed.attachments)
        on_behalf = weight["on_behalf"] >= (2.0 if weight["with_them"] > 0 else 1.0) or (weight["on_behalf"] > 0 and weight["not_me"] > 0)
        # A circular that is sent back with «sign us up» on top is the sender's own registration, and so is a letter of the sender's own.
        registers = weight["interest"] >= 1.0 or (found.activities and found.place_told and self._own_above_a_circular())
        own_registration = registers and bool(self._text_signs(("circular",), {ZoneKind.FORWARDED})) and not weight["not_me"]
        if forwarded and (on_behalf or not (own_registration or self._own_forwarded())):
            reasons.append(Reason(code="forwarded"))
        if forwarded and self._greeted({ZoneKind.FORWARDED}):  # mail to the writer, sent back to be asked about
            forwarded, found = False, replace(found, topics=False)
        if on_behalf:
            reasons.append(Reason(code="on_behalf", detail=_first(signs, "on_behalf")))
        kind = self._kind(weight, found, forwarded=forwarded or on_behalf)
        likelier = self._by_words(kind, weight, found, forwarded=forwarded or on_behalf)
        if likelier is not None:
            kind = likelier
            reasons.append(Reason(code="kind_by_words", detail=self._like_unrelated.shown(against=kind is not Kind.UNRELATED)))
        told = found.topic_told or found.activities or found.sessions or found.institutions
        turned = self._goes_on_or_begins(kind, private=weight["private"] > 0, told=told, plainly=weight["replies"] >= _PLAINLY_GOES_ON and not found.activities)
        if turned is not None:
            kind = turned
            reasons.append(Reason(code="follow_up_by_words", detail=self._like_follow_up.shown(against=kind is not Kind.FOLLOW_UP)))
        if kind is Kind.UNRELATED and self._answers_us(weight):
            kind = Kind.FOLLOW_UP
        if kind is Kind.WITHDRAWAL or weight["withdraws"] - weight["stays"] >= 1.0:
            reasons.append(Reason(code="withdraws", detail=_first(signs, "withdraws") or _first(signs, "leaves_them")))
        told = found.activities and found.place_told
        perhaps = self._perhaps(told=told, wants=weight["interest"] >= 1.0)
        if perhaps:
            reasons.insert(0, Reason(code="perhaps_automatic", detail=_first(perhaps, perhaps[0].says)))
        shown = tuple(_candidate(sign) for sign in signs if sign.says not in ("programme", "scheme", "human", "private", "circular", "acknowledged"))
        return Kinds(
            kind=kind,
            on_behalf=on_behalf,
            candidates=(*_chosen(shown, _SPEAKS_FOR.get(kind, "")), *(_candidate(sign) for sign in perhaps)),
            reasons=tuple(reasons),
        )

    def _kind(self, weight: dict[str, float], found: Found, *, forwarded: bool) -> Kind:
        supplies = found.institutions or found.authorities or found.activities or found.sessions
        replies = self._replies(weight) or (weight["told_before"] >= _TOLD_BEFORE and not (found.activities or found.asks))
        # Who describes a group and wants in does not leave, whatever it sounds like; a person looks (see the reasons).
        joins = weight["interest"] >= 1.0 and found.activities and found.institutions and not replies
        # «You left your scarf at the 60th; I only have this address from the research poster», «if it's off I'll cancel the tee time».
        # A day and a school below the name are in «are you coming to his do on the 25th?» as well.
        tells = found.activities or (supplies and weight["scheme"] > 0 and (weight["interest"] > 0 or weight["human"] >= 1.0 or found.topic_told))
        tells_of_us = tells or found.about_us or bool(found.concerns) or forwarded or replies or weight["interest"] > 0
        leaves = weight["programme"] > 0 and weight["withdraws"] - weight["stays"] >= 1.0  # «withdraw from the research: my mum's operation»
        if weight["private_repeatedly"] >= _PLAINLY_PRIVATE and not (tells_of_us or leaves):
            return Kind.UNRELATED
        if weight["withdraws"] - weight["stays"] >= 1.0 and not forwarded and not joins:
            return Kind.WITHDRAWAL
        # «Jim asked me to let you know that he has to withdraw»; with a group or a wish of the writer's own it is one who leaves a group that goes on.
        of_ours = weight["programme"] > 0 and (weight["private"] <= 0 or weight["scheme"] > 0)
        if weight["leaves_them"] >= 1.0 and of_ours and weight["interest"] < 1.0 and weight["goes_on"] <= 0 and not found.activities:
            return Kind.WITHDRAWAL
        if weight["leaves"] >= 1.0 and weight["interest"] < 1.0 and not (found.activities or found.asks or forwarded):
            return Kind.WITHDRAWAL
        if replies and (supplies or found.topics or weight["plainly_told"] >= _TOLD_BEFORE or not found.asks):
            return Kind.FOLLOW_UP
        wants = weight["interest"] - weight["undecided"] * 2
        read_files = any(file.text.strip() for file in self._parsed.attachments)  # what can't be read says nothing of its sender's wish
        related = found.institutions or found.authorities or found.sessions or any(weight[label] > 0 for label in _RELATE)
        related = related or forwarded or bool(found.concerns) or found.about_us or read_files
        if not related:
            return Kind.FOLLOW_UP if replies else Kind.UNRELATED
        another_desk = weight["desk"] > 0 and weight["scheme"] <= 0 and weight["interest"] < 1.0
        worry = any(concern != "complaint" for concern in found.concerns)
        # «Well done for something that isn't the pay claim. Before I take it to them, could it be staff of two schools?»
        asks_of_us = found.about_us and found.institutions and weight["undecided"] >= 1.0
        if another_desk and not (replies or forwarded or worry or found.activities or found.sessions or asks_of_us):
            return Kind.UNRELATED  # «I've not had my ballot paper», from a school of ours
        nothing_of_ours = not (found.institutions or found.sessions or found.concerns or found.about_us or forwarded or read_files or found.asks)
        if nothing_of_ours and weight["private"] > 0 and not any(weight[label] > 0 for label in _RELATE):
            return Kind.UNRELATED  # «a group of us hope for Scald Law on Saturday, bring the flask»: no word of schools
        own_words = weight["programme"] > 0 or weight["interest"] > 0 or found.institutions or found.activities
        ours = own_words or found.about_us
        # «Will I get the bus to her 60th, and did you get her the voucher?» is about money, and yet not ours.
        if weight["private_repeatedly"] >= 1.0 and not (own_words or forwarded or found.concerns or replies):
            return Kind.UNRELATED
        if weight["private"] > 0 and not (ours or forwarded or found.concerns):
            return Kind.UNRELATED  # «is it the 19th or the 25th your da gets his eyes done?»
        nothing_else = not (found.institutions or found.authorities or found.sessions or forwarded or found.asks or found.concerns or read_files)
        if nothing_else and not any(weight[label] > 0 for label in ("programme", "human", "interest", "undecided")):
            return Kind.UNRELATED  # «a group of us hope for Scald Law on Saturday» is no activity of ours
        # «She would like to know the hours before she makes up her mind», «is the mail below anything to do with the programme?»
        tells_of_them = weight["on_behalf"] > 0 or found.topic_told or ((found.institutions or found.sessions) and not found.about_us)
        only_asks = weight["undecided"] >= 1.0 or not tells_of_them
        if found.asks and forwarded and only_asks and weight["interest"] < 1.0 and not (found.activities or found.perhaps_activities):
            return Kind.ENQUIRY
        if found.asks and not forwarded:
            does = found.activities or (found.perhaps_activities and (weight["interest"] > 0 or found.topic_told))
            told = does and (found.institutions or found.authorities)
            complete = told or (found.institutions and found.topic_told)
            # Who complains of a session that they had registered for has told nothing of what they do.
            wishes = weight["interest"] >= 1.0 and ("complaint" not in found.concerns or found.activities or found.perhaps_activities)
            registers = wishes or complete or (found.activities and weight["interest"] > 0)
            # «Before we go any further»: who tells of group and school and asks first has registered; «I'm not signing up yet» has not.
            whole = told and weight["undecided"] - weight["hesitates"] < 1.0
            decided = weight["undecided"] < 1.0 or whole or (complete and weight["interest"] >= 1.0)
            if not decided or not registers:
                return Kind.ENQUIRY
            return Kind.EXPRESSION_OF_INTEREST
        # «Two of us are keen, the others are swithering» registers nobody, whatever is told of the group;
        # «I'd like to take part, we've decided on nothing yet» asks nothing, and is asked for what it lacks.
        if wants < 1.0 and weight["undecided"] >= (self._finder.wavers if found.activities or weight["interest"] >= 1.0 else 1.0):
            return Kind.ENQUIRY
        registers = found.activities or found.perhaps_activities or (wants >= 1.0 and "complaint" not in found.concerns)
        if found.concerns and not (registers and found.institutions):
            return Kind.FOLLOW_UP if replies else Kind.ENQUIRY
        # Nobody is asked for their school who has not said that they want to take part, nor anything of what they do.
        # «He taught me at X»: a school named in a private letter registers nobody, nor does a town.
        teaches = found.institutions and weight["programme"] > 0 and weight["human"] >= 0.6
        at_work = found.institutions and found.perhaps_activities and weight["human"] > 0  # «at the funeral ... our P3s and I would like to study»
        personal = weight["private"] > 0 and weight["interest"] <= 0 and not (found.activities or found.sessions or forwarded or teaches or at_work)
        only_place = found.authorities and not (found.institutions or found.activities or found.sessions or weight["programme"] > 0)
        if personal or (only_place and weight["interest"] <= 0 and not forwarded):
            return Kind.FOLLOW_UP if replies else Kind.UNRELATED
        # A place alone is in every newsletter and in every signature: without a word of ours beside it nobody has registered.
        speaks_to_us = weight["programme"] > 0 or weight["human"] > 0
        place = (found.place_told and (speaks_to_us or found.topic_told or found.perhaps_activities)) or (found.authorities and found.topic_told)
        # A day alone is in every note that a parcel comes.
        day = found.sessions and (speaks_to_us or found.place_told or found.topic_told)
        told = found.activities or day or weight["interest"] > 0 or (found.topic_told and weight["programme"] > 0 and weight["human"] > 0)
        told = told or (found.perhaps_activities and weight["programme"] > 0 and weight["human"] > 0 and weight["private"] <= 0)
        return Kind.EXPRESSION_OF_INTEREST if told or place or forwarded or read_files else Kind.UNRELATED

    @cached_property
    def _like_unrelated(self) -> Share:
        """How much the words are like those of private letters and of letters for another desk."""
        return self._finder.unrelated_words.of(self._texts, self._finder.matcher)

    def _by_words(self, kind: Kind, weight: dict[str, float], found: Found, *, forwarded: bool) -> Kind | None:
        """Another kind than the rules give, where nothing that they found is surely ours, or surely is not, and the words of the letter are plain.

        «Have you an archive, and might I see it?» asks, and nothing else of it is of ours; «is either one recorded?» has no word of a school.
        """
        at_school = found.institutions and weight["programme"] > 0
        of_ours = any(weight[label] > 0 for label in ("scheme", "interest", "undecided", "withdraws", "leaves")) or found.activities or found.perhaps_activities
        sure = of_ours or at_school or found.sessions or bool(found.concerns) or forwarded or any(file.text.strip() for file in self._parsed.attachments)
        if kind in (Kind.ENQUIRY, Kind.EXPRESSION_OF_INTEREST):
            return Kind.UNRELATED if not sure and self._like_unrelated.value >= self._finder.unlike_ours else None
        if kind is not Kind.UNRELATED or weight["private"] > 0 or weight["desk"] > 0 or self._like_unrelated.value > self._finder.like_ours:
            return None
        inline = any(zone.kind is ZoneKind.INLINE_ANSWER for zone in self._parsed.zones)
        if inline or self._replies(weight):
            return Kind.FOLLOW_UP if found.topic_told or found.perhaps_activities or found.activities or found.sessions else None
        if found.asks:
            return Kind.ENQUIRY
        return Kind.EXPRESSION_OF_INTEREST if weight["interest"] > 0 else None

    @cached_property
    def _like_follow_up(self) -> Share:
        """How much the words, and what the mail program adds, are like those of letters that go on from earlier mail."""
        return self._finder.followup_words.of(self._parsed, self._texts, self._finder.matcher, replies=self._replies_to)

    def _goes_on_or_begins(self, kind: Kind, *, private: bool, told: bool, plainly: bool) -> Kind | None:
        """A follow-up instead of a first letter, or the other way round, where the words of the letter are plain: «Sorry, meant the Academy».

        ``plainly``: several signs of earlier mail stand in it and no activity, so that the words of the rest do not outweigh them.
        """
        if kind is Kind.FOLLOW_UP:
            return Kind.EXPRESSION_OF_INTEREST if not plainly and self._like_follow_up.value <= self._finder.begins else None
        goes_on = kind is Kind.EXPRESSION_OF_INTEREST or (kind is Kind.UNRELATED and told and not private and self._replies_to)
        return Kind.FOLLOW_UP if goes_on and self._like_follow_up.value >= self._finder.goes_on else None

    def _conversation(self, signs: Iterable[_Sign]) -> bool:
        """Whether the writer goes on from earlier mail, as far as headers, quotes and the writer's own words tell."""
        return self._replies({"replies": _best_sum(sign for sign in signs if sign.says == "replies"), "circular": 0.0, "answered": 0.0})

    def _replies(self, weight: dict[str, float]) -> bool:
        """In an existing conversation with us, not an answer to a circular."""
        parsed = self._parsed
        score = weight["replies"] - weight["circular"]
        if any(zone.kind is ZoneKind.INLINE_ANSWER for zone in parsed.zones):
            score += 1.0
        if any(zone.kind is ZoneKind.OWN_QUOTE for zone in parsed.zones):
            score += 0.4
        if parsed.in_reply_to or parsed.references:
            score += 0.7
        if self._replies_to:
            score += 0.2
        if weight["answered"] > 0:
            score += 0.2
        if self._greeted({ZoneKind.QUOTE, ZoneKind.OWN_QUOTE}):
            score += 0.8 if self._replies_to and self._asked_below() else 0.4
        elif self._answers_between() and self._asked_below():
            score += 0.4
        if self._replies_to and self._own_below():
            score += 0.8
        return score >= 1.0

    def _answers_us(self, weight: dict[str, float]) -> bool:
        """Whether a few words of a reply («The later one») answer us, as its subject or the mail below tells, and nothing tells otherwise."""
        if not self._replies_to or weight["private"] > 0 or weight["desk"] > 0 or self._own_words() > _LONGEST_ANSWER:
            return False
        below = self._text_signs(("scheme", "programme", "circular"), {ZoneKind.QUOTE, ZoneKind.OWN_QUOTE})
        return weight["answers_us"] > 0 or (bool(below) and self._asked_below())

    def _own_above_a_circular(self) -> bool:
        """Whether the writer speaks of himself or his group above mail in which nobody does."""
        body = self._parsed.body
        own, forwarded = ([body[zone.start : zone.end] for zone in self._parsed.zones if zone.kind in kinds] for kinds in (OWN, {ZoneKind.FORWARDED}))
        return any(_FIRST_PERSON.search(text) for text in own) and not any(_ONE_PERSON.search(text) for text in forwarded)

    def _names(self) -> set[str]:
        """What the writer may be greeted with."""
        sender = self._parsed.sender
        return {name.lower() for name in re.findall(r"[^\W\d_]{2,}", sender.name)} if sender else set()

    def _greeted(self, kinds: Collection[ZoneKind]) -> bool:
        """Whether mail below the writer's words was written to the writer: «Dear Ann», below what Ann writes."""
        names = self._names()
        texts = (self._parsed.body[zone.start : zone.end] for zone in self._parsed.zones if zone.kind in kinds)
        greeted = (match[1].lower() for text in texts for match in _GREETS.finditer(text[:_OPENING]))
        # «Dear Pat» is written to Patricia
        return any(name in names or (len(name) > 1 and any(full.startswith(name) for full in names)) for name in greeted)

    def _below(self) -> list[str]:
        return [self._parsed.body[zone.start : zone.end][:_OPENING] for zone in self._parsed.zones if zone.kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)]

    def _asked_below(self) -> bool:
        """Whether the mail that is answered asks something."""
        return any(_ASKS_BELOW.search(text) for text in self._below())

    def _answers_between(self) -> bool:
        """Whether the writer's words stand between quotes."""
        kinds = [zone.kind for zone in self._parsed.zones if zone.kind in (*OWN, ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)]
        quotes = [place for place, kind in enumerate(kinds) if kind not in OWN]
        return bool(quotes) and any(kind in OWN for kind in kinds[quotes[0] : quotes[-1]])

    def _own_below(self) -> bool:
        """Whether the writer answers mail of his own: «On 14 January Ann Person wrote:» under a second letter by Ann Person."""
        names = self._names()
        opened = [_QUOTED_FROM.search(text) for text in self._below()]
        return len(names) > 1 and any(found is not None and names <= set(re.findall(r"[^\W\d_]{2,}", found[0].lower())) for found in opened)

    def _own_forwarded(self) -> bool:
        """Whether all mail that is forwarded was written by who forwards it."""
        zones = [zone for zone in self._parsed.zones if zone.kind is ZoneKind.FORWARDED]
        froms = [_FROM.search(self._parsed.body[zone.start : zone.end][:_OPENING]) for zone in zones]
        names = self._names()
        return bool(froms) and all(found is not None and len(names) > 1 and names <= set(re.findall(r"[^\W\d_]{2,}", found[1].lower())) for found in froms)


def _decides(settings: Mapping[str, Any], key: str, file: str) -> float:
    value = (settings.get("decides") or {}).get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProgrammeError(file, 1, f"«decides: {key}» should be a number")
    return float(value)


def _header_sign(item: Any, file: str) -> _HeaderSign:
    line = item.get("__line__") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("id", "header", "says")):
        raise ProgrammeError(file, line, "each header sign needs id, header and says")
    if item["says"] not in MACHINE_LABELS:
        raise ProgrammeError(file, line, f"header sign «{item['id']}»: «says: {item['says']}» is none of {', '.join(MACHINE_LABELS)}")
    try:
        value = re.compile(str(item.get("value", "")), re.I)
        unless = re.compile(item["unless"], re.I) if item.get("unless") else None
    except re.error as error:
        raise ProgrammeError(file, line, f"header sign «{item['id']}»: {error}") from error
    return _HeaderSign(id=item["id"], name=item["header"], value=value, unless=unless, says=item["says"], weight=float(item.get("weight", 1)))


def _header_evidence(sign: _HeaderSign, value: str) -> Evidence:
    return Evidence(where=f"header:{sign.name}", start=0, end=len(value), text=value, rule=sign.id)


def _best_sum(signs: Iterable[_Sign], *, again: float = 0.0) -> float:
    """Each rule speaks once, however often it hits; up to two other wordings of it add ``again`` of its weight each."""
    best: dict[str, float] = {}
    wordings: dict[str, set[str]] = {}
    for sign in signs:
        best[sign.evidence.rule] = max(sign.weight, best.get(sign.evidence.rule, 0.0))
        wordings.setdefault(sign.evidence.rule, set()).add(sign.evidence.text.lower())
    return sum(weight * (1 + again * min(2, len(wordings[rule]) - 1)) for rule, weight in best.items())


def _overlap(one: Evidence, other: Evidence) -> bool:
    return one.where == other.where and one.start < other.end and other.start < one.end


def _once_said(signs: Sequence[_Sign]) -> list[_Sign]:
    """The same words speak once, for the strongest of the rules that know them."""
    kept: list[_Sign] = []
    for sign in sorted(signs, key=lambda sign: -sign.weight):
        in_text = not (sign.surely or sign.evidence.where.startswith("header:"))
        if not (in_text and any(sign.evidence.rule != other.evidence.rule and _overlap(sign.evidence, other.evidence) for other in kept)):
            kept.append(sign)
    return kept


def _inside(one: Evidence, other: Evidence) -> bool:
    return one.where == other.where and other.start <= one.start and one.end <= other.end


def _within(one: Evidence, other: Evidence) -> bool:
    return one.where == other.where and other.start <= one.start < other.end


def _candidate(sign: _Sign) -> Candidate:
    return Candidate(slot=Slot.KIND, value=sign.says, strength=max(0.0, min(1.0, sign.weight)), evidence=sign.evidence)


def _chosen(candidates: tuple[Candidate, ...], label: str) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(slot=c.slot, value=c.value, strength=c.strength, evidence=c.evidence, chosen=True, note=c.note) if c.value == label else c for c in candidates
    )


def _first(signs: Sequence[_Sign], label: str) -> str:
    best = max((sign for sign in signs if sign.says == label), key=lambda sign: sign.weight, default=None)
    return "" if best is None else f"{best.evidence.rule}: {' '.join(best.evidence.text.split())[:80]}"
