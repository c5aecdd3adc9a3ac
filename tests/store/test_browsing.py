"""What the desk's lists show, against a count by hand over the truth: the tables that everything else reads.

A register is written, changed, corrected and dismissed by the store's own verbs, at random; after that Hypothesis makes up filters,
orders, pages and words, and each answer is compared with what a loop over all registrations finds.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from mailroom.model import Address, Kind, MessageState, ReplyState, Zone, ZoneKind
from store import (
    OFF_THE_REGISTER,
    Facet,
    FieldValue,
    MessageFilter,
    MessageSummary,
    Needs,
    NeedsKind,
    OutboxFilter,
    Page,
    Record,
    Registration,
    RegistrationDraft,
    RegistrationFilter,
    RegistrationLine,
    RegistrationSort,
    RegistrationState,
    RegistrationUpdate,
    Reply,
    Store,
    browsing,
)
from store.database import Database
from tests.fixtures.stores import NOW, answer, arrival, copied, reading

COUNCILS = ("Fife", "Glasgow City", "City of Edinburgh", "Na h-Eileanan Siar")
ACTIVITIES = ("lesson_study", "book_group", "own_project")
SESSIONS = ("2022-01-19", "2022-01-25")
TOPICS = ("reading", "outdoor play", "Reading for pleasure", "naïve talk", "play")
THEMES = ("reading", "early-play", "talk")
SCHOOLS = ("Whinhill Academy", "St Mary's Primary School", "Àrd-sgoil MhicNeacail", "Portobello High School")
PEOPLE = (
    ("Anne O’Neill", "anne@glow.example"),
    ("Màiri Smith", "mairi.smith@mail.example"),
    ("", "office@school.example"),
    ("Rory Ross Reid", "rory@mail.example"),
)
WORDS = ("phonics", "Phonological", "play", "we", "and", "don't", "Gàidhlig", "P1", "café", "2022", "read", "reader")
LONDON = ZoneInfo("Europe/London")
SLOW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


ON_IT = (RegistrationState.WITHDRAWN, RegistrationState.REVIEW, RegistrationState.REGISTERED)


# --- a register at random


def zoned(draw: random.Random, subject: str, sender: tuple[str, str]) -> Any:
    """A reading with words of the sender's, and others that are quoted."""
    own, quoted = " ".join(draw.sample(WORDS, 4)), f"quotedonly {draw.choice(WORDS)}"
    body = f"{own}\n> {quoted}\n"
    plain = reading(f"m{draw.random()}", sender=sender[1])
    zones = (Zone(kind=ZoneKind.OWN, start=0, end=len(own)), Zone(kind=ZoneKind.QUOTE, start=len(own), end=len(body)))
    parsed = replace(plain.parsed, body=body, zones=zones, subject=subject, sender=Address(name=sender[0], address=sender[1]))
    themes = tuple(draw.sample(THEMES, draw.randint(0, 2)))
    kind = draw.choice((Kind.EXPRESSION_OF_INTEREST, Kind.ENQUIRY))
    return replace(plain, parsed=parsed, extraction=replace(plain.extraction, kind=kind, themes=themes, authorities=("Fife",)))


def values(draw: random.Random, person: str | None = None) -> tuple[FieldValue, ...]:
    evidence = reading().extraction.candidates[0].evidence
    offered = {"institution": (SCHOOLS, 1), "authority": (COUNCILS, 2), "activity": (ACTIVITIES, 2), "topic": (TOPICS, 2), "session": (SESSIONS, 1)}
    return tuple(
        FieldValue(field=field, value=value, person=person) if person else FieldValue(field=field, value=value, evidence=(evidence,))
        for field, (some, most) in offered.items()
        for value in draw.sample(some, draw.randint(0, most))
    )


def write(store: Store, draw: random.Random, count: int) -> None:
    """Messages that begin registrations, continue them, ask something, or cannot be read."""
    begun = datetime(2021, 12, 1, 23, 30, tzinfo=UTC)
    existing = len(store.messages(limit=10_000))
    store.add_arrivals([replace(arrival(existing + n + 1), internal_date=begun + timedelta(hours=draw.randint(0, 3000))) for n in range(count)], NOW)
    known = {one.id: one for one in store.registrations(list(RegistrationState))}
    for n, message in enumerate(store.waiting(limit=count)):
        now = NOW + timedelta(minutes=existing + n)
        if draw.random() < 0.1:
            store.quarantine(message.id, "unreadable", now)
            continue
        sender = draw.choice(PEOPLE)
        read = zoned(draw, f"Research {draw.choice(WORDS)}", sender)
        state = draw.choice((MessageState.REGISTERED, MessageState.REGISTERED, MessageState.REVIEW, MessageState.ASK_MEMBER))
        record = Record(
            message_id=message.id,
            reading=read,
            state=state,
            reply=answer(f"r{message.id}", sender[1]) if draw.random() < 0.6 else None,
            reply_state=draw.choice((ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED)),
        )
        register_state = draw.choice((RegistrationState.REGISTERED, RegistrationState.ASK_MEMBER, RegistrationState.REVIEW))
        if draw.random() < 0.6 or not known:
            record = replace(record, registration=RegistrationDraft(member_name=sender[0], member_address=sender[1], state=register_state, values=values(draw)))
        elif draw.random() < 0.7:
            old = draw.choice(list(known.values()))
            mine = values(draw)
            record = replace(record, reply=None, update=RegistrationUpdate(registration_id=old.id, revision=old.revision, state=register_state, values=mine))
        done = store.record_many([record], now)[0]
        assert done.error == ""
        if done.registration_id:
            known[done.registration_id] = one = store.registration(done.registration_id)  # type: ignore[assignment]
            assert one is not None


def change(store: Store, draw: random.Random) -> None:
    """What persons do: correct, dismiss, withdraw, settle, add an address."""
    for one in list(store.registrations(list(RegistrationState))):
        what, now = draw.random(), NOW + timedelta(days=1, seconds=draw.randint(0, 9999))
        if what < 0.4:
            state = draw.choice((RegistrationState.DISMISSED, RegistrationState.DISMISSED, *ON_IT))
            new = RegistrationUpdate(registration_id=one.id, revision=one.revision, state=state, values=values(draw, "the coordinator"))
            store.correct(new, now, actor="the coordinator")
        elif what < 0.45:
            store.settle(one.id, now, actor="the coordinator")
        elif what < 0.6:
            store.add_address(one.id, f"other{draw.randint(1, 9)}@home.example", now, actor="the coordinator")
    held = [reply.id for reply in store.replies(ReplyState.HELD, limit=500)]
    store.release(draw.sample(held, len(held) // 3), NOW)
    for reply in draw.sample(due := store.due(NOW + timedelta(days=9), limit=500), len(due) // 4):
        store.claim(reply.id, NOW)
        store.mark_dead(reply.id, "550 no such user", NOW, reason="refused", gone="5.1.1" if draw.random() < 0.7 else None)


# --- the count by hand


def plain(text_: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text_) if not unicodedata.combining(c)).casefold()


def words(text_: str) -> set[str]:
    """Words, also those on both sides of an apostrophe."""
    low = plain(text_)
    return set(re.findall(r"[a-z0-9]+", low)) | set(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])['’](?=[a-z0-9])", "", low)))


def says(sought: str, among: set[str]) -> bool:
    asked = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])['’](?=[a-z0-9])", "", plain(sought)))
    return all(any(w == term or (n == len(asked) - 1 and w.startswith(term)) for w in among) for n, term in enumerate(asked))


@dataclass
class Hand:
    """A registration with what its messages say."""

    one: Registration
    number: int
    member: set[str]
    said: set[str]
    themes: set[str]

    def values(self, name: str) -> set[str]:
        field = {"councils": "authority", "activities": "activity", "sessions": "session", "institutions": "institution", "topics": "topic"}.get(name)
        found = {str(self.one.state)} if name == "states" else self.themes if name == "themes" else set(self.one.values_of(field or ""))
        return found or {""}

    def meets(self, f: RegistrationFilter, without: str = "") -> bool:
        states = f.states if without != "states" else ()
        if without != "states" and (self.one.state not in states if states else self.one.state in OFF_THE_REGISTER):
            return False
        for name in ("councils", "institutions", "activities", "sessions", "topics", "themes"):
            if name != without and getattr(f, name) and not self.values(name) & set(getattr(f, name)):
                return False
        topics = set().union(*(words(v) for v in self.one.values_of("topic")))
        every = self.said | self.member | words(self.one.id) | set().union(*(words(v.value) for v in self.one.values))
        if not (says(f.member, self.member) and says(f.topic, topics) and says(f.text, every)):
            return False
        received = self.one.received_at
        return (f.received_from is None or received >= f.received_from) and (f.received_before is None or received < f.received_before)

    def key(self, sort: RegistrationSort) -> Any:
        name = plain(self.one.member_name or self.one.member_address).split()
        return {
            "received": self.one.received_at,
            "updated": self.one.updated_at,
            "name": " ".join(name[-1:] + name[:-1]),
            "council": plain(next(iter(self.one.values_of("authority")), "")),
            "institution": plain(next(iter(self.one.values_of("institution")), "")),
        }[sort.lstrip("-")]


def by_hand(store: Store) -> list[Hand]:
    found = []
    with store._database.read() as connection:
        numbers = dict(connection.execute(text("SELECT registration_id, number FROM register_lines")).all())  # type: ignore[arg-type]
    for one in store.registrations(list(RegistrationState)):
        member = words(f"{one.member_name} {one.member_address}").union(*(words(address) for address, _ in store.addresses(one.id)))
        said: set[str] = set()
        themes: set[str] = set()
        for message in one.messages:
            record = store.message(message)
            assert record is not None
            for stored in record.readings[-1:]:
                parsed = stored.reading.parsed
                assert parsed.sender is not None
                own = " ".join(parsed.body[z.start : z.end] for z in parsed.zones if z.kind == ZoneKind.OWN)
                said |= words(f"{own} {parsed.subject}")
                member |= words(f"{parsed.sender.name} {parsed.sender.address}")
                themes |= set(stored.reading.extraction.themes)
        found.append(Hand(one, numbers[one.id], member, said, themes))
    return found


def counted(hands: Sequence[Hand], name: str) -> dict[str, int]:
    return dict(Counter(value for hand in hands for value in hand.values(name)))


def as_dict(facets: Sequence[Facet]) -> dict[str, int]:
    assert list(facets) == sorted(facets, key=lambda facet: (-facet.count, facet.value))
    return {facet.value: facet.count for facet in facets}


def line(one: Registration) -> RegistrationLine:
    return RegistrationLine(
        id=one.id,
        member_name=one.member_name,
        member_address=one.member_address,
        state=one.state,
        institutions=one.values_of("institution"),
        councils=one.values_of("authority"),
        activities=one.values_of("activity"),
        topics=one.values_of("topic"),
        sessions=one.values_of("session"),
        missing=one.missing,
        messages=len(one.messages),
        revision=one.revision,
        received_at=one.received_at,
        updated_at=one.updated_at,
    )


# --- what is asked


def some(values_: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values_), max_size=2, unique=True).map(tuple)


def sought(*texts: str) -> st.SearchStrategy[str]:
    whole = [*texts, *WORDS, "quotedonly", "?", "o'neill", "oneill", "neill", "mairi", "MÀIRI", "smith", "glow", "r", "2022"]
    return st.one_of(st.just(""), st.lists(st.sampled_from(whole), min_size=1, max_size=2).map(" ".join), st.sampled_from(whole).map(lambda w: w[:3]))


times = st.one_of(st.none(), st.datetimes(min_value=datetime(2021, 11, 20), max_value=datetime(2022, 4, 20), timezones=st.just(UTC)))
filters = st.builds(
    RegistrationFilter,
    states=some(list(RegistrationState)),
    councils=some([*COUNCILS, "", "Orkney"]),
    institutions=some([*SCHOOLS, ""]),
    activities=some([*ACTIVITIES, ""]),
    sessions=some([*SESSIONS, ""]),
    topics=some([*TOPICS, ""]),
    themes=some([*THEMES, ""]),
    topic=sought("outdoor play", "pleasure"),
    member=sought("anne", "home.example"),
    text=sought("whinhill", "eilean"),
    received_from=times,
    received_before=times,
)
# One or two conditions at a time, as a person chooses them; all at once meet nothing.
narrow = st.tuples(filters, st.sets(st.sampled_from(sorted(RegistrationFilter.__dataclass_fields__)), max_size=2)).map(
    lambda drawn: RegistrationFilter(**{name: getattr(drawn[0], name) for name in drawn[1]})
)


def _fill(url: str) -> None:
    with Store(url) as store:
        store.upgrade()
        draw = random.Random(7)
        write(store, draw, 70)
        change(store, draw)


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("filled") / "mailroom.db"
    _fill(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def filled_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a register of some forty, to be written to: a copy of one that is filled once."""
    with copied(request, tmp_path, file="filled_file", name="filled", prepare=_fill) as url:
        yield url


@pytest.fixture
def filled(filled_url: str) -> Iterator[Store]:
    with Store(filled_url) as store:
        yield store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shown(request: pytest.FixtureRequest) -> Iterator[Store]:
    """The same, only to be looked at."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{request.getfixturevalue('filled_file')}" if sqlite else request.getfixturevalue("postgres").fresh("filled", _fill)
    with Store(url) as store:
        yield store


def test_filters_orders_counts_and_pages_are_those_of_a_count_by_hand(shown: Store) -> None:
    hands = by_hand(shown)
    assert len(hands) > 30
    assert {hand.one.state for hand in hands} >= {RegistrationState.DISMISSED, RegistrationState.REVIEW}

    @SLOW
    @given(f=narrow, sort=st.sampled_from(RegistrationSort), size=st.integers(1, 9), walks=st.booleans())
    def check(f: RegistrationFilter, sort: RegistrationSort, size: int, walks: bool) -> None:
        met = [hand for hand in hands if hand.meets(f)]
        met.sort(key=lambda hand: (hand.key(sort), hand.number), reverse=sort.startswith("-"))
        expected = [line(hand.one) for hand in met]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(browsing, "FEW", 0 if walks else 8000)
            assert list(shown.each_registration(f, sort)) == expected
            lines, page = [], shown.find_registrations(f, sort, Page(size=size))
            assert page.previous == ""
            while page.lines:
                assert (page.total, page.first) == (len(met), len(lines) + 1)
                lines += page.lines
                if not page.next:
                    break
                following = shown.find_registrations(f, sort, Page(size=size, after=page.next))
                assert shown.find_registrations(f, sort, Page(size=size, before=following.previous)) == page
                page = following
            assert lines == expected
            assert page.total == len(met)
        offered = shown.facets(f)
        assert offered.total == len(met)
        for name in ("states", "councils", "activities", "sessions", "themes"):
            assert as_dict(getattr(offered, name)) == counted([hand for hand in hands if hand.meets(f, without=name)], name), name

    check()


def test_the_picture_is_that_of_a_count_by_hand(shown: Store) -> None:
    hands = by_hand(shown)

    @SLOW
    @given(f=narrow, zone=st.sampled_from((UTC, LONDON, ZoneInfo("America/New_York"))), few=st.booleans())
    def check(f: RegistrationFilter, zone: Any, few: bool) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(browsing, "FEW_TOPICS", 2000 if few else 0)
            drawn = shown.picture(f, zone=zone)
        met = [hand for hand in hands if hand.meets(f)]
        days = [hand.one.received_at.astimezone(zone).date() for hand in met]
        weeks: dict[date, int] = dict(Counter(day - timedelta(days=day.weekday()) for day in days))
        assert {week: count for week, count in drawn.weeks if count} == weeks
        assert all((later[0] - earlier[0]).days == 7 for earlier, later in pairwise(drawn.weeks))
        assert drawn.total == len(met)
        for name in ("states", "councils", "activities", "sessions", "themes"):
            assert as_dict(getattr(drawn, name)) == counted(met, name), name
        topics = counted(met, "topics")
        topics.pop("", None)
        assert as_dict(drawn.topics) == topics

    check()


def test_values_are_found_by_their_words(shown: Store) -> None:
    hands = [hand for hand in by_hand(shown) if hand.one.state not in OFF_THE_REGISTER]
    for typed in ("w", "whin", "mary", "st marys", "mary's prim", "ard", "school portobello", "academy whinhil", "nothing"):
        expected = {name: count for name, count in counted(hands, "institutions").items() if name and says(typed, words(name))}
        assert as_dict(shown.institutions_like(typed)) == expected, typed
    assert len(shown.institutions_like("", limit=2)) == 2
    assert as_dict(shown.values_like("topic", "play")) == {k: v for k, v in counted(hands, "topics").items() if "play" in words(k)}


@pytest.mark.parametrize("seed", range(3))
def test_lists_follow_every_change_in_its_own_transaction(store: Store, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(4):
        write(store, draw, 8)
        change(store, draw)
        hands = by_hand(store)
        with store._database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM listing_changes")) == 0
        everything = RegistrationFilter(states=tuple(RegistrationState))
        assert store.facets(everything).total == len(hands)
        for name in ("councils", "activities", "sessions", "themes"):
            assert as_dict(getattr(store.facets(everything), name)) == counted(hands, name)
        for word in ("phonics", "play", "quotedonly", "reid", "home"):
            f = replace(everything, text=word)
            assert {one.id for one in store.each_registration(f)} == {hand.one.id for hand in hands if hand.meets(f)}


def test_a_page_stays_right_while_more_is_written(filled: Store) -> None:
    before = [one.id for one in filled.each_registration()]
    first = filled.find_registrations(page=Page(size=5))
    newest = [replace(arrival(5000 + n), internal_date=NOW + timedelta(days=400)) for n in range(3)]
    filled.add_arrivals(newest, NOW)
    for message in filled.waiting():
        draft = RegistrationDraft(member_name="New", member_address="new@mail.example", state=RegistrationState.REGISTERED, values=())
        filled.record_many([Record(message_id=message.id, reading=reading("new"), state=MessageState.REGISTERED, registration=draft)], NOW)
    assert filled.find_registrations().lines[0].member_name == "New"
    second = filled.find_registrations(page=Page(size=5, after=first.next))
    assert [one.id for one in second.lines] == before[5:10]


@pytest.mark.parametrize("place", ["1.2", "x.y.z", "1.99999999.", "1.2.99999999999999999999", "١.٢.٣", "-1.2.3", "0", "review-1", "1.1." + "9" * 17])
def test_a_place_that_never_was_begins_at_the_top(shown: Store, place: str) -> None:
    assert shown.find_registrations(sort=RegistrationSort.NAME, page=Page(after=place)).total == shown.find_registrations().total
    assert shown.find_registrations(page=Page(before=place)).total == shown.find_registrations().total
    assert shown.needs_you(page=Page(after=place)).lines
    shown.message_list(page=Page(after=place))
    shown.outbox_list(page=Page(before=place))
    assert shown.next_in_queue(place) is not None


def test_a_place_says_nothing_of_a_person(shown: Store) -> None:
    for sort in RegistrationSort:
        assert set(shown.find_registrations(sort=sort, page=Page(size=2)).next) <= set("0123456789.")


# --- the queue


def waits(store: Store) -> dict[NeedsKind, list[tuple[datetime, Any]]]:
    mail = store.messages(limit=10_000)
    reviewed = {message.id for message in mail if message.state == MessageState.REVIEW}
    register = list(store.registrations([RegistrationState.REVIEW]))
    return {
        NeedsKind.REVIEW: [(message.internal_date, message.id) for message in mail if message.id in reviewed],
        NeedsKind.QUARANTINED: [(message.internal_date, message.id) for message in mail if message.state == MessageState.QUARANTINED],
        NeedsKind.REGISTRATION: [(one.received_at, one.id) for one in register if not reviewed & set(one.messages)],
        NeedsKind.UNDELIVERABLE: [(mark.marked_at, mark.reply_id) for mark in store.undeliverable()],
        NeedsKind.HELD: [(reply.created_at, reply.id) for reply in store.replies(ReplyState.HELD, limit=10_000)],
    }


def key_of(need: Needs) -> Any:
    named = {NeedsKind.REGISTRATION: need.registration_id, NeedsKind.UNDELIVERABLE: need.reply_id, NeedsKind.HELD: need.reply_id}
    return named.get(need.kind, need.message_id)


@pytest.mark.parametrize("kinds", [(), (NeedsKind.HELD, NeedsKind.REGISTRATION), (NeedsKind.UNDELIVERABLE,)])
def test_the_queue_has_all_that_waits_the_oldest_first(shown: Store, kinds: tuple[NeedsKind, ...]) -> None:
    expected = waits(shown)
    assert all(expected.values()), "every kind is among what is tested"
    ordered = sorted((since, list(NeedsKind).index(kind), key) for kind in kinds or NeedsKind for since, key in expected[kind])
    seen: list[Needs] = []
    page = shown.needs_you(kinds, Page(size=7))
    while True:
        assert page.counts == {kind: len(some_) for kind, some_ in expected.items()}
        assert page.total == len(ordered)
        seen += page.lines
        if not page.next:
            break
        page = shown.needs_you(kinds, Page(size=7, after=page.next))
    assert [(need.since, list(NeedsKind).index(need.kind), key_of(need)) for need in seen] == ordered
    for earlier, later in pairwise(seen):
        assert shown.next_in_queue(earlier.place, kinds) == later
    assert shown.next_in_queue(seen[-1].place, kinds) == (seen[0] if len(seen) > 1 else None)


def test_a_line_of_the_queue_tells_who_and_where(shown: Store) -> None:
    mail = {message.id: message for message in shown.messages(limit=10_000)}
    register = {one.id: one for one in shown.registrations(list(RegistrationState))}
    for need in shown.needs_you(page=Page(size=500)).lines:
        if need.registration_id:
            one = register[need.registration_id]
            assert need.institution == next(iter(one.values_of("institution")), "")
            assert need.council == next(iter(one.values_of("authority")), "")
            assert need.message_id is None or need.kind in (NeedsKind.HELD, NeedsKind.UNDELIVERABLE) or need.message_id in one.messages
        elif need.kind == NeedsKind.REVIEW:
            assert (need.institution, need.council) == ("Whinhill Academy", "Fife")  # as it was read
        if need.kind == NeedsKind.REVIEW:
            message = mail[need.message_id or 0]
            assert need.who == (message.sender_name or message.sender_address)
            assert (need.subject, need.reason) == (message.subject, message.reason)
        if need.kind == NeedsKind.QUARANTINED:
            assert need.reason == "unreadable"
        if need.kind == NeedsKind.UNDELIVERABLE:
            assert "@" in need.address
            assert need.reason == "refused"


def test_what_is_settled_leaves_the_queue_and_the_next_one_opens(filled: Store) -> None:
    queue = filled.needs_you([NeedsKind.REVIEW], Page(size=3)).lines
    filled.settle_messages([queue[0].message_id or 0], NOW, actor="the coordinator")
    assert filled.next_in_queue(queue[0].place, [NeedsKind.REVIEW]) == queue[1]
    filled.settle_messages([m.id for m in filled.messages(MessageState.REVIEW, limit=500)], NOW, actor="the coordinator")
    assert filled.next_in_queue(queue[1].place, [NeedsKind.REVIEW]) is None


# --- what came in, replies, messages


@pytest.mark.parametrize("zone", [UTC, LONDON])
def test_what_came_in(shown: Store, zone: Any) -> None:
    now = datetime(2022, 4, 2, 22, 30, tzinfo=UTC)  # the clocks went on a week ago: 23:30 in London
    since = now - timedelta(days=20)
    came = shown.today(since, now=now, zone=zone, days=90)
    mail, register = shown.messages(limit=10_000), list(shown.registrations(list(RegistrationState)))
    assert came.messages == {state: sum(m.state == state and m.internal_date >= since for m in mail) for state in MessageState}
    assert came.registrations == sum(one.received_at >= since for one in register)
    assert [day.day for day in came.days] == [date(2022, 4, 2) - timedelta(days=89 - n) for n in range(90)]
    for day in came.days:
        assert day.registrations == sum(one.received_at.astimezone(zone).date() == day.day for one in register)
        assert day.messages == {state: sum(m.state == state and m.internal_date.astimezone(zone).date() == day.day for m in mail) for state in MessageState}
    assert sum(day.registrations for day in came.days) > 10


def pages(ask: Any, size: int) -> Iterator[Any]:
    page = ask(Page(size=size))
    yield page
    while page.next:
        following = ask(Page(size=size, after=page.next))
        assert ask(Page(size=size, before=following.previous)).lines == page.lines
        page = following
        yield page


def test_messages_are_those_of_a_count_by_hand(shown: Store) -> None:
    mail = shown.messages(limit=10_000)
    said: dict[int, set[str]] = {}
    for message in mail:
        record = shown.message(message.id)
        assert record is not None
        said[message.id] = set()
        for stored in record.readings[-1:]:
            parsed = stored.reading.parsed
            own = " ".join(parsed.body[z.start : z.end] for z in parsed.zones if z.kind == ZoneKind.OWN)
            said[message.id] = words(f"{own} {parsed.subject} {message.sender_name} {message.sender_address}")

    def met(f: MessageFilter) -> list[MessageSummary]:
        found = [
            m
            for m in mail
            if (not f.states or m.state in f.states)
            and (not f.kinds or m.kind in f.kinds)
            and (not f.mailbox or m.mailbox == f.mailbox)
            and (f.received_from is None or m.internal_date >= f.received_from)
            and (f.received_before is None or m.internal_date < f.received_before)
            and says(f.text, said[m.id])
        ]
        return sorted(found, key=lambda m: (m.internal_date, m.id), reverse=True)

    mail_filters = st.builds(
        MessageFilter,
        states=some(list(MessageState)),
        kinds=some([str(Kind.ENQUIRY), str(Kind.EXPRESSION_OF_INTEREST)]),
        mailbox=st.sampled_from(("", "", "programme", "other")),
        text=sought("research"),
        received_from=times,
        received_before=times,
    )

    @SLOW
    @given(f=mail_filters, size=st.integers(1, 9), most=st.sampled_from((3, 10_000)), walked=st.sampled_from((4, 3_000)))
    def check(f: MessageFilter, size: int, most: int, walked: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(browsing, "COUNTED", most)  # beyond it, the list is walked, a part at a time
            patch.setattr(browsing, "_PART", 5)
            patch.setattr(browsing, "WALKED", walked)
            lines = list(pages(lambda page: shown.message_list(f, page), size))
        expected = met(f)
        assert [m for page in lines for m in page.lines] == expected
        counted_right({(page.total, page.more) for page in lines}, len(expected), most, walked)

    check()


def counted_right(said: set[tuple[int, bool]], there: int, most: int, walked: int) -> None:
    """Exact up to ``most``; of common words only the newest rows are counted, and then it says that there may be more."""
    [(total, more)] = said
    assert total <= min(there, most)
    assert more or total == there
    assert walked < 3_000 or (total, more) == (min(there, most), there > most)


def test_replies_are_those_of_a_count_by_hand(shown: Store) -> None:
    replies = shown.replies(limit=10_000)

    def met(f: OutboxFilter) -> list[Reply]:
        found = [
            r
            for r in replies
            if (not f.templates or r.template in f.templates) and (not f.reasons or r.reason in f.reasons) and says(f.text, words(f"{r.recipient} {r.subject}"))
        ]
        return sorted(found, key=lambda r: (r.created_at, r.id), reverse=True)

    reply_filters = st.builds(
        OutboxFilter,
        states=some(list(ReplyState)),
        templates=some(["registered", "ask_member"]),
        reasons=some(["", "undeliverable", "refused"]),
        text=sought("research", "mail.example"),
    )

    @SLOW
    @given(f=reply_filters, size=st.integers(1, 9), most=st.sampled_from((3, 10_000)), walked=st.sampled_from((4, 3_000)))
    def check(f: OutboxFilter, size: int, most: int, walked: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(browsing, "COUNTED", most)
            patch.setattr(browsing, "_PART", 5)
            patch.setattr(browsing, "WALKED", walked)
            lines = list(pages(lambda page: shown.outbox_list(f, page), size))
        rest, said = met(f), met(OutboxFilter(text=f.text))
        expected = [r for r in rest if not f.states or r.state in f.states]
        assert [r for page in lines for r in page.lines] == expected
        counted_right({(page.total, page.more) for page in lines}, len(expected), most, walked)
        for page in lines:
            # Words that are everywhere are not counted state by state.
            assert page.counts == ({state: sum(r.state == state for r in rest) for state in ReplyState} if page.counts else {})
            assert page.counts or len(said) > most

    check()


# --- how the lists are kept


def test_lines_are_in_the_order_asked_for(shown: Store) -> None:
    some_ = [one.id for one in shown.registrations()][:5][::-1]
    assert [found.id for found in shown.registration_lines([*some_, "R-NOTHERE"])] == some_


def test_an_upgrade_lists_what_was_there_before(filled: Store) -> None:
    """All marked as changed and everything of the lists taken away, as before the migration: settling makes the same again."""
    f = RegistrationFilter(text="phonics")
    before = [{one.id for one in filled.each_registration(f)}, filled.facets(), filled.picture(zone=LONDON), filled.message_list(MessageFilter(text="play"))]
    with filled._database.alter() as connection:
        for table in ("register_lines", "register_sets", "register_words", "message_words", "reply_words"):
            connection.execute(text(f"DELETE FROM {table}"))
        for kind, key, table in (("message", "message_id", "readings"), ("registration", "id", "registrations"), ("reply", "id", "outbox")):
            connection.execute(text(f"INSERT INTO listing_changes (kind, key) SELECT '{kind}', CAST({key} AS TEXT) FROM {table}"))
    with filled._database.write():
        pass
    after = [{one.id for one in filled.each_registration(f)}, filled.facets(), filled.picture(zone=LONDON), filled.message_list(MessageFilter(text="play"))]
    assert after == before


def test_what_is_written_past_mailroom_is_settled_with_the_next_change(filled: Store, filled_url: str) -> None:
    database = Database(filled_url)  # has nothing to settle with
    one = filled.find_registrations().lines[0]
    with database.write() as connection:
        connection.execute(text("UPDATE registrations SET member_name = 'Zoë Unlikely' WHERE id = :id"), {"id": one.id})
    database.close()
    assert filled.find_registrations(RegistrationFilter(member="unlikely")).total == 0
    filled.note_poll("programme", NOW, ok=True)
    assert [found.id for found in filled.find_registrations(RegistrationFilter(member="zoe unlikely")).lines] == [one.id]


def test_what_is_refused_leaves_no_mark(filled: Store) -> None:
    before = filled.facets()
    one = filled.find_registrations().lines[0]
    with pytest.raises(ZeroDivisionError), filled._database.write() as connection:
        connection.execute(text("UPDATE registrations SET state = 'withdrawn' WHERE id = :id"), {"id": one.id})
        raise ZeroDivisionError
    assert filled.facets() == before


def test_odd_letters_are_kept_and_found(store: Store) -> None:
    """What would end a quotation, an operator of either search, letters that fold to two, other scripts."""
    odd = "\"quote' OR near* NOT -minus (straße) ﬁne İstanbul 日本語 a_b e@mail.example 100% #topic \\back"
    store.add_arrivals([arrival(1)], NOW)
    draft = RegistrationDraft(member_name=odd, member_address="odd@mail.example", state=RegistrationState.REGISTERED, values=())
    store.record_many([Record(message_id=store.waiting()[0].id, reading=reading(), state=MessageState.REGISTERED, registration=draft)], NOW)
    found = (
        odd,
        '"',
        "' OR",
        "strasse",
        "STRASSE",
        "fine",
        "istanbul",
        "日本",
        "a_b",
        "a b",
        "100%",
        "near*",
        "\\back",
        "-minus",
        "#topic",
        "%",
        "@mail",
        ":*",
    )
    for typed in found:
        assert store.find_registrations(RegistrationFilter(text=typed)).total == 1, typed
        assert store.find_registrations(RegistrationFilter(member=typed)).total == 1, typed
    for typed in ("' OR 1=1", "minusx", "topic nothing"):
        assert store.find_registrations(RegistrationFilter(text=typed)).total == 0, typed
