"""Bytes of a message to a Reading: taken apart, read by every finder, decided.

The order is fixed and stands in ``Reader.read``: parse, zones, machines first (nothing else is looked for
in what no person wrote), then institutions, activities, topics, questions, sessions, the kind, and the
decision.

Promise: pure (no clock, no network, no database) and deterministic: the same bytes read with the same
``rules_version`` give an equal Reading. Bad mail never raises; a bug of ours does, so that the caller can
put the message where a person sees it.

What it does badly: start-up compiles every rule and the whole gazetteer, some tenths of a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from mailroom.model import Extraction, Kind, ParsedMessage, Reading, Reason, Remembered, Slot
from parse.activities import ActivityFinder
from parse.authorities import Authorities
from parse.decide import decide, load_policy
from parse.gazetteer import Gazetteer
from parse.institutions import InstitutionFinder
from parse.kind import Found, KindFinder, Kinds
from parse.message import parse_message
from parse.questions import QuestionFinder
from parse.reviewwords import ReviewWords
from parse.schoolnames import School
from parse.sessions import SessionFinder
from parse.shortanswers import ShortAnswers
from parse.topics import TopicFinder
from parse.views import views
from parse.zones import Zoner

__all__ = ["Reader", "check_programme", "rules_version"]


_BY_ADDRESS = "institution.address"
_BY_SENDER = "header:From"
_KNOWLEDGE = {".yaml", ".csv"}  # what parse reads; reply templates and editors' leftovers change no reading


def rules_version(folder: Path, schools: Sequence[School] = ()) -> str:
    """A digest of everything that a Reading depends on besides the message: programme files, school list, this package."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for root, paths in ((folder, sorted(p for p in folder.rglob("*") if p.suffix in _KNOWLEDGE and p.is_file())), (here, sorted(here.rglob("*.py")))):
        for path in paths:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for school in schools:
        digest.update(repr(school).encode())
    return digest.hexdigest()[:16]


class Reader:
    """Reads messages with the programme data in ``folder`` and the extra ``schools``.

    Raises ProgrammeError, the first of those that ``check_programme`` lists.
    """

    def __init__(
        self,
        folder: Path,
        schools: Sequence[School] = (),
        *,
        own_addresses: Collection[str] = (),
        own_names: Collection[str] = (),
        own_lines: Collection[str] = (),
    ) -> None:
        """``own_addresses`` and ``own_names`` (of our mailbox) and ``own_lines`` (of our templates) tell a quote of our own mail."""
        self._zoner = Zoner(folder, own_lines=own_lines, own_names=own_names, own_addresses=own_addresses)
        self._institutions = InstitutionFinder(folder, schools)
        self._activities = ActivityFinder(folder)
        self._topics = TopicFinder(folder)
        self._sessions = SessionFinder(folder)
        self._questions = QuestionFinder(folder)
        self._kinds = KindFinder(folder, own_addresses=own_addresses)
        self._policy = load_policy(folder)
        self._review_words = ReviewWords(folder, least=self._policy.reads_like_review)
        self.aliases: tuple[Remembered, ...] = ()
        self.rules_version = self._of_rules = rules_version(folder, schools)

    def remembering(self, aliases: Sequence[Remembered]) -> Reader:
        """A reader with the same rules that also knows these aliases, and no others; its ``rules_version`` tells of them."""
        if not aliases and self.aliases == ():
            return self
        other = copy(self)
        other.aliases = tuple(aliases)
        other._institutions = self._institutions.remembering(aliases)
        other._activities = self._activities.remembering(aliases)
        other.rules_version = self._of_rules
        if aliases:
            other.rules_version = hashlib.sha256(f"{self._of_rules}\0{tuple(aliases)!r}".encode()).hexdigest()[:16]
        return other

    def know_own(self, lines: Collection[str]) -> None:
        """These are the lines of our templates from now on, for this reader and those that it was or is told to remember by."""
        self._zoner.know_own(lines)

    @property
    def institutions(self) -> InstitutionFinder:
        return self._institutions

    @property
    def gazetteer(self) -> Gazetteer:
        """All names of institutions that it knows."""
        return self._institutions.gazetteer

    @property
    def authorities(self) -> Authorities:
        return self._institutions.authorities

    def read(self, content: bytes, *, received_at: datetime | None = None) -> Reading:
        """``received_at``: the server's INTERNALDATE, used for relative days where the message has no Date."""
        parsed = parse_message(content, zoner=self._zoner)
        extraction = self.extract(parsed, received_at=received_at)
        return Reading(parsed=parsed, extraction=extraction, decision=decide(extraction, self._policy), rules_version=self.rules_version)

    def extract(self, parsed: ParsedMessage, *, received_at: datetime | None = None, councils: Sequence[str] = ()) -> Extraction:
        """``councils``: the member's, where they are known from an earlier message."""
        texts = views(parsed)
        message = self._kinds.read(parsed, texts)
        machine = message.machine()
        if machine is not None and machine.surely:
            return _unread(machine)
        institutions = self._institutions.find(parsed, texts, councils=councils)
        activities = self._activities.find(parsed, texts)
        topics = self._topics.find(parsed, texts, activity=activities.how)
        place_told = any(
            c.chosen and c.slot is Slot.INSTITUTION and c.evidence.rule != _BY_ADDRESS and c.evidence.where != _BY_SENDER for c in institutions.candidates
        )
        topic_told = bool(topics.topics) and not any(reason.code == "topic_unsure" for reason in topics.reasons)
        # Whoever names their school and what they do there has registered, however much the rest jokes about automatic replies.
        if machine is not None:
            unattended = any(c.evidence.rule.startswith("sender.") for c in machine.candidates)
            if machine.loudly or not (place_told and (activities.activities or (topic_told and not (unattended or machine.strongly)))):
                return _unread(machine)
        questions = self._questions.find(parsed, texts)
        sessions = self._sessions.find(parsed, texts, received_at=received_at)
        found = Found(
            asks=questions.asks,
            asked=questions.asked,
            about_us=questions.about_us,
            concerns=questions.concerns,
            institutions=bool(institutions.institutions),
            authorities=bool(institutions.authorities),
            activities=bool(activities.activities),
            topics=bool(topics.topics),
            place_told=place_told,
            topic_told=topic_told,
            sessions=bool(sessions.sessions),
            by_option=activities.how == "option",
            perhaps_activities=any(reason.code == "activity_unsure" for reason in activities.reasons),
        )
        says_nothing = not (found.asks or found.institutions or found.authorities or found.activities or found.sessions)
        if says_nothing and (note := message.machine(says_nothing=True)) is not None:
            return _unread(note)
        kinds = message.person(found)
        forwarded = any(reason.code == "forwarded" for reason in kinds.reasons)
        if kinds.on_behalf or (forwarded and not sessions.sessions):  # somebody else registers: what is said of them counts
            sessions = self._sessions.find(parsed, texts, received_at=received_at, for_another=True)
        # Mail that is passed on goes to a person, with the place of the one who wrote it.
        if forwarded and not institutions.institutions and not institutions.institution_options:
            passed_on = self._institutions.find(parsed, texts, councils=councils, forwarded=True)
            institutions = passed_on if passed_on.institutions and (passed_on.authorities or not institutions.authorities) else institutions
        reasons: tuple[Reason, ...] = (*kinds.reasons, *questions.reasons, *institutions.reasons, *activities.reasons, *topics.reasons, *sessions.reasons)
        # Only what would be registered is held back: whoever lacks something is asked, and answers.
        if found.institutions and found.activities and (unlike := self._review_words.find(texts, self._activities.matcher)) is not None:
            reasons = (*reasons, unlike)
        related = kinds.kind is not Kind.UNRELATED
        return Extraction(
            kind=kinds.kind,
            institutions=institutions.institutions if related else (),
            institution_type=institutions.institution_type,
            authorities=institutions.authorities if related else (),
            authority_options=institutions.authority_options,
            institution_options=institutions.institution_options,
            activities=activities.activities if related else (),
            topics=topics.topics if related else (),
            themes=topics.themes if related else (),
            sessions=sessions.sessions if related else (),
            asks_question=questions.asks,
            candidates=(
                *kinds.candidates,
                *questions.candidates,
                *institutions.candidates,
                *activities.candidates,
                *topics.candidates,
                *sessions.candidates,
            ),
            reasons=reasons,
        )


def _unread(machine: Kinds) -> Extraction:
    """What no person typed is not read any further."""
    return Extraction(kind=machine.kind, candidates=machine.candidates, reasons=machine.reasons)


def check_programme(folder: Path, schools: Sequence[School] = ()) -> list[ProgrammeError]:
    """Every part's first mistake in the programme data, not only the first part's."""
    parts: tuple[Callable[[], Any], ...] = (
        lambda: Zoner(folder),
        lambda: InstitutionFinder(folder, schools),
        lambda: ActivityFinder(folder),
        lambda: TopicFinder(folder),
        lambda: SessionFinder(folder),
        lambda: QuestionFinder(folder),
        lambda: KindFinder(folder),
        lambda: ShortAnswers(folder),
        lambda: load_policy(folder),
        lambda: ReviewWords(folder, least=1.0),
    )
    errors: list[ProgrammeError] = []
    for part in parts:
        try:
            part()
        except ProgrammeError as error:
            if str(error) not in {str(known) for known in errors}:
                errors.append(error)
    return errors
