"""A register of the size that the desk promises to be quick with, and how long its lists take.

    python bench/desk.py build --url URL [--registrations 100000] [--messages 250000]
    python bench/desk.py time --url URL [--rounds 60] [--only NAME ...]
    python bench/desk.py pages --url URL [--rounds 60] [--only NAME ...]

``build`` fills an empty database by bulk inserts: names, schools and councils with the skew of real ones, five years of messages of
300 to 1,500 characters, 3 % of them in review, replies, conversations and history. It says the same twice (``--seed``). ``time`` calls
every verb behind the desk's pages, over a mix of filters from rare to very common, orders, words and deep pages, and prints the
middle, the 95th percentile and the slowest of each. ``pages`` does the same with the pages themselves, through the whole application
as a coordinator's browser asks it. Nothing is kept between two calls but what the database keeps.

The clock is everybody's: on a machine that does something else as well, look at «busy», the time that mailroom and its
PostgreSQL backends were at work.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402
from sqlalchemy import func, insert, select, text  # noqa: E402

from mailroom.model import (  # noqa: E402
    Address,
    Candidate,
    Decision,
    Evidence,
    Extraction,
    Kind,
    MessageState,
    Outcome,
    ParsedMessage,
    Reason,
    ReplyState,
    RuleHit,
    Slot,
    Zone,
    ZoneKind,
)
from store import (  # noqa: E402
    MessageFilter,
    NeedsKind,
    OutboxFilter,
    Page,
    RegistrationFilter,
    RegistrationSort,
    RegistrationState,
    Store,
    registration_id,
    tables,
)
from store.serialise import encode, pack_parsed  # noqa: E402

MAILBOX = "programme"
END = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
YEARS = 5
LONDON = ZoneInfo("Europe/London")
FIRST = [
    "Anne",
    "Isla",
    "Rory",
    "Fiona",
    "Callum",
    "Eilidh",
    "Morag",
    "Hamish",
    "Catriona",
    "Euan",
    "Mhairi",
    "Gordon",
    "Ailsa",
    "Kirsty",
    "Lewis",
    "Màiri",
    "Struan",
    "Iona",
    "Craig",
    "Sheena",
    "Aileen",
    "Neil",
    "Jean",
]
LAST = [
    "Smith",
    "Brown",
    "Wilson",
    "Campbell",
    "Stewart",
    "Thomson",
    "Robertson",
    "Anderson",
    "MacDonald",
    "Scott",
    "Reid",
    "Murray",
    "Taylor",
    "Clark",
    "O'Neill",
    "Ross",
    "Young",
    "Mitchell",
    "Paterson",
]
FORMS = ("Primary School", "Primary School", "Primary School", "High School", "Academy", "Nursery School", "Secondary School", "R.C. Primary School")
DECISION = encode(
    Decision(
        outcome=Outcome.REGISTERED,
        reasons=(Reason(code="complete"),),
        rules=tuple(RuleHit(rule=f"rule-{i}", hit=i == 3) for i in range(8)),
        template="registered",
    )
)
STATES = (
    (RegistrationState.REGISTERED, 82),
    (RegistrationState.ASK_MEMBER, 9),
    (RegistrationState.REVIEW, 3),
    (RegistrationState.WITHDRAWN, 4),
    (RegistrationState.DISMISSED, 2),
)


def skewed(draw: random.Random, values: Sequence[Any], shape: float = 1.0) -> Any:
    """The first of the values are the commonest, about as Zipf has it."""
    return values[min(len(values) - 1, int(len(values) ** draw.random() ** shape) - 1)]


class Made:
    """What the rows are made of."""

    def __init__(self, seed: int) -> None:
        self.draw = draw = random.Random(seed)
        programme = ROOT / "programme"
        with (programme / "authorities.csv").open(newline="", encoding="utf-8") as lines:
            self.councils = [row["id"] for row in csv.DictReader(lines)]
        draw.shuffle(self.councils)
        with (programme / "placenames.csv").open(newline="", encoding="utf-8") as lines:
            places = [name for row in csv.DictReader(lines) for name in row["names"].split("|")]
        self.activities = [item["id"] for item in yaml.safe_load((programme / "activities.yaml").read_text("utf-8"))["activities"]]
        themes = yaml.safe_load((programme / "themes.yaml").read_text("utf-8"))["themes"]
        self.themes = [(item["id"], item["phrases"]) for item in themes]
        draw.shuffle(self.themes)
        self.sessions = [str((END - timedelta(days=14 * n)).date()) for n in range(24)]
        self.schools = []
        for place in dict.fromkeys(places):
            for form in draw.sample(FORMS, draw.randint(1, 3)):
                self.schools.append((f"{place} {form}", skewed(draw, self.councils, 0.8)))
        draw.shuffle(self.schools)
        self.last = [*LAST, *(f"Mac{place}" if draw.random() < 0.3 else place for place in draw.sample(places, 600))]
        prose = " ".join(file.read_text("utf-8") for file in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
        words = [word for word in dict.fromkeys(prose.lower().split()) if word.isalpha() and word.isascii()]
        syllables = ("ba", "bra", "cal", "den", "dor", "fal", "gar", "hin", "kel", "lor", "mun", "nor", "pel", "ros", "sal", "tir", "ven", "wen")
        rare = {"".join(draw.choice(syllables) for _ in range(draw.randint(2, 4))) for _ in range(20_000)}
        self.words = ["we", "the", "to", "and", "of", "in", "a", "our", "for", "with", "is", "are", "at", "school", "research", *words, *sorted(rare)]
        self.weights = list(accumulate(1 / (n + 5) for n in range(len(self.words))))

    def topic(self, phrases: Sequence[str]) -> str:
        draw = self.draw
        topic = skewed(draw, phrases)
        return topic if draw.random() < 0.6 else f"{topic} {draw.choice(('in', 'and', 'for', 'through'))} {skewed(draw, self.words, 0.7)}"

    def body(self, first: str, most: int) -> str:
        words = self.draw.choices(self.words, cum_weights=self.weights, k=most // 6)
        lines = [" ".join(words[at : at + 14]).capitalize() + "." for at in range(0, len(words), 14)]
        return "\n".join([first, *lines])

    def person(self, n: int) -> tuple[str, str]:
        first, last = skewed(self.draw, FIRST, 0.6), skewed(self.draw, self.last, 0.8)
        domain = self.draw.choice(("glow.example", "glow.example", "glow.example", "mail.example", "school.example"))
        return f"{first} {last}", f"{first}.{last.replace(chr(39), '')}{n}@{domain}".lower()


def build(url: str, registrations: int, messages: int, seed: int) -> None:
    made = Made(seed)
    with Store(url) as store:
        store.upgrade()
        database = store._database
        settle, database.before_commit = database.before_commit, None  # not after each batch: a registration is told of several times
        begun = time.perf_counter()
        writer = _Rows(made, registrations, messages)
        for number, some in enumerate(writer.batches(2000), start=1):
            with database.write() as connection:
                for table, rows in some.items():
                    if rows:
                        connection.execute(insert(tables.metadata.tables[table]), rows)
            if number % 12 == 0 or writer.written == messages:
                database.before_commit = settle
                with database.write():
                    pass
                database.before_commit = None
            done = time.perf_counter() - begun
            print(f"\r{writer.written} of {messages} messages, {writer.written / done:.0f}/s", end="", flush=True)
        with database.alone() as connection:
            connection.execute(text("ANALYZE" if database.dialect == "sqlite" else "VACUUM ANALYZE"))
        print(f"\nbuilt in {time.perf_counter() - begun:.0f} s")


class _Rows:
    """Rows of one message after the other, in the order of arrival."""

    def __init__(self, made: Made, registrations: int, messages: int) -> None:
        self.made, self.registrations, self.messages, self.written = made, registrations, messages, 0
        self.begun: list[tuple[str, str, str, str, int]] = []  # registrations that a later message may continue

    def batches(self, size: int) -> Iterator[dict[str, list[dict[str, Any]]]]:
        order = ("messages", "contents", "arrivals", "message_identifiers", "readings", "registrations", "registration_addresses", "registration_values")
        order += ("registration_messages", "session_places", "outbox", "history")
        for start in range(0, self.messages, size):
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in order}
            for n in range(start, min(self.messages, start + size)):
                self._message(n + 1, rows)
            self.written = min(self.messages, start + size)
            yield rows

    def _message(self, n: int, rows: dict[str, list[dict[str, Any]]]) -> None:
        made, draw = self.made, self.made.draw
        # Term time is busier: some weeks have three times as much as others.
        at = END - timedelta(days=365 * YEARS * (1 - n / self.messages)) - timedelta(hours=draw.random() * 30)
        begins = draw.random() < self.registrations / self.messages if len(self.begun) < self.registrations else False
        begins = begins or (self.messages - n) < self.registrations - len(self.begun)
        theme, phrases = skewed(draw, made.themes, 0.9)
        continued = None if begins or not self.begun or draw.random() < 0.25 else draw.choice(self.begun)
        school, council = skewed(draw, made.schools, 0.7)
        if continued is not None:
            identifier, name, address, school, _ = continued
        else:
            name, address = made.person(n)
        topic = made.topic(phrases)
        opening = f"Hello, I am {name} and we are a group at {school} in {council}. We should like to look at {topic}."
        body = made.body(opening if begins else f"Thank you. About {topic}: ", draw.randint(300, 1500))
        sha = hashlib.sha256(f"{n} {address}".encode()).hexdigest()
        if begins:
            state = draw.choices([state for state, _ in STATES], [weight for _, weight in STATES])[0]
            of_message = {RegistrationState.ASK_MEMBER: MessageState.ASK_MEMBER, RegistrationState.REVIEW: MessageState.REVIEW}.get(
                state, MessageState.REGISTERED
            )
            kind = Kind.EXPRESSION_OF_INTEREST
        else:
            of_message = MessageState.IGNORED if draw.random() < 0.15 else MessageState.REGISTERED
            kind = draw.choice((Kind.FOLLOW_UP, Kind.FOLLOW_UP, Kind.ENQUIRY, Kind.UNRELATED, Kind.AUTO_REPLY))
            state = RegistrationState.REGISTERED
        if draw.random() < 0.02:
            of_message = MessageState.REVIEW
        quarantined = draw.random() < 0.001
        rows["messages"].append(
            {
                "id": n,
                "mailbox": MAILBOX,
                "sha256": sha,
                "size": len(body) + 900,
                "internal_date": at,
                "stored_at": at + timedelta(minutes=3),
                "state": MessageState.QUARANTINED if quarantined else of_message,
                "state_at": at + timedelta(minutes=4),
                "kind": None if quarantined else str(kind),
                "reason": "unreadable" if quarantined else "topic_unsure" if of_message == MessageState.REVIEW else "complete",
                "reason_detail": "",
                "attempts": 3 if quarantined else 0,
                "sender_name": None if quarantined else name,
                "sender_address": None if quarantined else address,
                "subject": None if quarantined else f"Research: {topic}",
            }
        )
        rows["contents"].append({"message_id": n, "content": f"From: {name} <{address}>\r\nSubject: Research\r\n\r\n{body}".encode()})
        rows["arrivals"].append({"mailbox": MAILBOX, "uidvalidity": 7, "uid": n, "message_id": n, "internal_date": at, "fetched_at": at, "settled": True})
        if quarantined:
            return
        rows["message_identifiers"].append({"message_id": n, "identifier": f"<{n}@mail.example>"})
        evidence = Evidence(where="own", start=0, end=5, text=body[:5], rule="school-form")
        quote = "\n> On Monday the union wrote: thank you for your interest in the programme\n" if not begins else ""
        whole = body + quote
        zones = [Zone(kind=ZoneKind.OWN, start=0, end=len(body))]
        if quote:
            zones.append(Zone(kind=ZoneKind.OWN_QUOTE, start=len(body), end=len(whole)))
        who = Address(name=name, address=address)
        parsed = ParsedMessage(
            message_ids=(f"<{n}@mail.example>",),
            in_reply_to=(),
            references=(),
            sender=who,
            from_addresses=(who,),
            reply_to=(),
            recipients=(),
            subject=f"Research: {topic}",
            sent_at=at,
            return_path=None,
            headers=(("Subject", "Research"),),
            body=whole,
            zones=tuple(zones),
            attachments=(),
            content_types=("text/plain",),
            report=None,
            calendar_method=None,
            defects=(),
        )
        candidate = Candidate(slot=Slot.INSTITUTION, value=school, strength=0.8, evidence=evidence, chosen=True)
        extraction = Extraction(
            kind=kind,
            institutions=(school,),
            authorities=(council,),
            topics=(topic,),
            themes=(theme,) if draw.random() < 0.8 else (),
            candidates=(candidate,) * 6,
        )
        rows["readings"].append(
            {
                "message_id": n,
                "read_at": at,
                "rules_version": "bench",
                "extraction": encode(extraction),
                "decision": DECISION,
                "parsed": pack_parsed(parsed),
            }
        )
        registration: str | None = None
        if begins:
            registration = registration_id(MAILBOX, sha)
            self._registration(n, registration, name, address, state, school, council, topic, at, encode(evidence), rows)
        elif continued is not None:
            registration = identifier
            rows["registration_messages"].append({"registration_id": registration, "message_id": n})
        if draw.random() < 0.7:
            self._reply(n, registration, address, f"Re: Research: {topic}", at, rows)
        line = {"at": at, "actor": "mailroom", "message_id": n, "registration_id": registration, "reply_id": None, "rules_version": "bench"}
        rows["history"].append({**line, "event": "message.recorded", "before": {"state": "waiting"}, "after": {"state": str(of_message)}, "deed_id": None})
        if draw.random() < 0.6:
            rows["history"].append({**line, "event": "reply.sent", "before": None, "after": {"state": "sent", "attempts": 1}, "deed_id": None})

    def _registration(
        self,
        n: int,
        identifier: str,
        name: str,
        address: str,
        state: RegistrationState,
        school: str,
        council: str,
        topic: str,
        at: datetime,
        evidence: Any,
        rows: Any,
    ) -> None:
        made, draw = self.made, self.made.draw
        updated = min(END, at + timedelta(hours=draw.random() ** 4 * 2000))
        rows["registrations"].append(
            {
                "id": identifier,
                "member_name": name,
                "member_address": address,
                "member_key": address,
                "state": str(state),
                "merged_into": None,
                "missing": ["activity"] if state == RegistrationState.ASK_MEMBER else [],
                "revision": draw.randint(1, 4),
                "received_at": at,
                "created_at": at,
                "updated_at": updated,
            }
        )
        rows["registration_addresses"].append({"registration_id": identifier, "address_key": address, "person": None, "added_at": at})
        rows["registration_messages"].append({"registration_id": identifier, "message_id": n})
        values: dict[str, list[str]] = defaultdict(list)
        if draw.random() < 0.97:
            values["institution"].append(school)
        if draw.random() < 0.95:
            values["authority"].append(council)
        if state != RegistrationState.ASK_MEMBER:
            values["activity"] += dict.fromkeys(skewed(draw, made.activities, 0.7) for _ in range(draw.choice((1, 1, 1, 2))))
        values["topic"] += dict.fromkeys([topic] + ([made.topic(skewed(draw, made.themes)[1])] if draw.random() < 0.3 else []))
        if draw.random() < 0.4:
            values["session"].append(skewed(draw, made.sessions, 0.8))
        for field, some in values.items():
            rows["registration_values"] += [
                {"registration_id": identifier, "field": field, "position": i, "value": value, "message_id": n, "evidence": [evidence], "person": None}
                for i, value in enumerate(some)
            ]
        rows["session_places"] += [{"registration_id": identifier, "session": s, "state": "place", "asked_at": at, "message_id": n} for s in values["session"]]
        self.begun.append((identifier, name, address, school, n))

    def _reply(self, n: int, registration: str | None, address: str, subject: str, at: datetime, rows: Any) -> None:
        draw = self.made.draw
        state = draw.choices([ReplyState.SENT, ReplyState.HELD, ReplyState.SUPPRESSED, ReplyState.DEAD, ReplyState.DUE], [94, 1.5, 3, 1, 0.5])[0]
        sent = at + timedelta(minutes=6) if state == ReplyState.SENT else None
        rows["outbox"].append(
            {
                "message_id": n,
                "purpose": "answer",
                "registration_id": registration,
                "template": draw.choices(["registered", "received", "review"], [70, 20, 10])[0],
                "recipient": address,
                "recipient_key": address,
                "recipient_domain": address.partition("@")[2],
                "words": "",
                "subject": subject,
                "identifier": f"<r{n}@union.example>",
                "content": b"Dear member,\r\n" + b"thank you for your message. " * 60,
                "checks": [],
                "state": str(state),
                "reason": "cap_address" if state == ReplyState.SUPPRESSED else "bounced" if state == ReplyState.DEAD else "",
                "attempts": 1,
                "last_error": "",
                "created_at": at,
                "counted_at": at,
                "next_attempt_at": None,
                "sent_at": sent,
                "handed_at": sent,
                "copy_at": None,
                "not_after": None,
            }
        )


# --- how long


def calls(store: Store, rounds: int, seed: int) -> dict[str, list[Callable[[], Any]]]:
    """What the pages ask, so many times each and never quite the same."""
    draw = random.Random(seed)
    offered = store.facets()
    councils = [facet.value for facet in offered.councils]
    activities, sessions, themes = ([facet.value for facet in some] for some in (offered.activities, offered.sessions, offered.themes))
    schools = [facet.value for letter in "abcdgklms" for facet in store.institutions_like(letter, limit=500)]
    some_lines = list(store.find_registrations(page=Page(size=200)).lines)
    names = [line.member_name for line in some_lines]
    common = ["the", "school", "research", "and", "we", "group"]
    middling = [store.picture().topics[n].value.split()[0] for n in range(12)]
    rare = [word for line in some_lines for topic in line.topics for word in topic.split()[-1:]] + [line.member_address for line in some_lines[:20]]

    def words() -> str:
        return draw.choice(
            (draw.choice(common), draw.choice(middling), draw.choice(rare), f"{draw.choice(names)}", f"{draw.choice(common)} {draw.choice(middling)}")
        )

    def one() -> dict[str, Any]:
        """One condition."""
        begins = END - timedelta(days=draw.randint(1, 365 * YEARS))
        return draw.choice(
            (
                {"councils": (skewed(draw, councils),)},
                {"councils": tuple(draw.sample(councils, 3))},
                {"activities": (draw.choice(activities),)},
                {"sessions": (draw.choice(sessions),)},
                {"themes": (skewed(draw, themes),)},
                {"institutions": (draw.choice(schools),)},
                {"states": (draw.choice(list(RegistrationState)),)},
                {"text": words()},
                {"text": words()},
                {"topic": draw.choice(middling)},
                {"member": draw.choice(names).split()[-1][: draw.randint(3, 8)]},
                {"received_from": begins, "received_before": begins + timedelta(days=draw.choice((7, 31, 365, 1000)))},
            )
        )

    def wanted() -> RegistrationFilter:
        return RegistrationFilter(**{key: value for _ in range(draw.choice((0, 1, 1, 2, 3))) for key, value in one().items()})

    def sort() -> RegistrationSort:
        return draw.choice(list(RegistrationSort))

    def deep() -> Callable[[], Any]:
        """The middle of a long list, forwards or back."""
        order = sort()
        place = draw.choice(places[order])
        return partial(store.find_registrations, wanted(), order, Page(after=place) if draw.random() < 0.6 else Page(before=place))

    # Places anywhere in the lists, as pages give them out: a position, a number, and a time where the order is one of times.
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    table = tables.register_lines.c
    with store._database.read() as connection:
        most = connection.scalar(select(func.max(table.number)))
        numbers = [draw.randint(1, most) for _ in range(100)]
        rows = connection.execute(select(table.number, table.received_at, table.updated_at).where(table.number.in_(numbers))).all()
        last_reply = connection.scalar(select(func.max(tables.outbox.c.id)))
    times = {"received": 1, "updated": 2}
    places = {
        order: [f"{row[0]}.{row[0]}.{(row[times[name]] - epoch) // timedelta(microseconds=1) if (name := order.lstrip('-')) in times else ''}" for row in rows]
        for order in RegistrationSort
    }
    replies = {
        "states": [(), (ReplyState.HELD,), (ReplyState.SENT,), (ReplyState.SUPPRESSED, ReplyState.DEAD)],
        "templates": [(), ("registered",), ("review",)],
    }
    mail = {
        "states": [(), (MessageState.REVIEW,), (MessageState.REGISTERED,), (MessageState.IGNORED, MessageState.QUARANTINED)],
        "kinds": [(), (), ("enquiry",), ("auto_reply",)],
    }
    queue = store.needs_you(page=Page(size=50))
    reference = [line.id for line in some_lines]

    def reply_list() -> Callable[[], Any]:
        sought = words() if draw.random() < 0.4 else ""
        asked = OutboxFilter(states=draw.choice(replies["states"]), templates=draw.choice(replies["templates"]), text=sought)
        at = END - timedelta(days=draw.randint(1, 1500))
        return partial(store.outbox_list, asked, Page(after=f"{(at - epoch) // timedelta(microseconds=1)}.{last_reply}" if draw.random() < 0.3 else ""))

    def mail_list() -> Callable[[], Any]:
        sought = words() if draw.random() < 0.5 else ""
        return partial(store.message_list, MessageFilter(states=draw.choice(mail["states"]), kinds=draw.choice(mail["kinds"]), text=sought))

    def item() -> Callable[[], Any]:
        id = draw.choice(reference)
        return lambda: (store.registration(id), store.history(registration_id=id), store.messages_of(id))

    kinds = ((), (), (NeedsKind.REVIEW,), (NeedsKind.REGISTRATION,), (NeedsKind.HELD,))
    several: dict[str, Callable[[], Callable[[], Any]]] = {
        "find: no filter": lambda: partial(store.find_registrations, None, sort()),
        "find: filters": lambda: partial(store.find_registrations, wanted(), sort()),
        "find: words": lambda: partial(store.find_registrations, RegistrationFilter(text=words()), sort()),
        "find: deep page": deep,
        "facets: no filter": lambda: store.facets,
        "facets: filters": lambda: partial(store.facets, wanted()),
        "facets: words": lambda: partial(store.facets, RegistrationFilter(text=words())),
        "picture: no filter": lambda: partial(store.picture, zone=LONDON),
        "picture: filters": lambda: partial(store.picture, wanted(), zone=LONDON),
        "institutions_like": lambda: partial(store.institutions_like, draw.choice(schools)[: draw.randint(2, 9)]),
        "needs_you": lambda: partial(store.needs_you, draw.choice(kinds)),
        "next_in_queue": lambda: partial(store.next_in_queue, draw.choice(queue.lines).place),
        "today": lambda: partial(store.today, END - timedelta(hours=draw.randint(2, 200)), now=END, zone=LONDON),
        "status": lambda: store.status,
        "outbox_list": reply_list,
        "message_list": mail_list,
        "registration with its history": item,
    }
    return {name: [make() for _ in range(rounds)] for name, make in several.items()}


class Busy:
    """Seconds that this process and its PostgreSQL backends were at work, which others on the machine do not lengthen as they do the clock's."""

    def __init__(self, store: Store) -> None:
        self.files = []
        if store._database.dialect == "postgresql":
            with store._database.read() as connection:
                pids = connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE application_name = 'mailroom' AND datname = current_database()"))
                self.files = [Path(f"/proc/{pid}/schedstat") for pid in pids]

    def now(self) -> float:
        return time.process_time() + sum(int(file.read_text().split()[0]) for file in self.files if file.exists()) / 1e9


def pages(store: Store, rounds: int, seed: int) -> dict[str, list[Callable[[], Any]]]:
    """Every kind of page, through the real application, as a coordinator who is logged in."""
    from mailroom.config import load_config
    from mailroom.office import HouseOffice
    from tests.fixtures.desk import House, Role

    folder = Path(tempfile.mkdtemp(prefix="mailroom-bench-"))
    (folder / "config.yaml").write_text(
        f'mailboxes: [{{name: {MAILBOX}, folder: mail}}]\nreplies: {{mode: hold, from: "A <car@union.example>", not_before: 2020-01-01T00:00:00Z}}\n'
    )
    (folder / "mail").mkdir()
    config = load_config(folder / "config.yaml")
    house = House(folder=folder, config=config, store=store, office=HouseOffice(config, store))
    client, administrator = house.client(Role.COORDINATOR), house.client(Role.ADMINISTRATOR)
    draw = random.Random(seed)
    offered = store.facets()
    lines = store.find_registrations(page=Page(size=200)).lines
    mail = [line.id for state in (MessageState.REVIEW, MessageState.REGISTERED) for line in store.message_list(MessageFilter(states=(state,))).lines]
    replies = [line.id for line in store.outbox_list().lines]
    ids = [line.id for line in lines]
    asked_ids = [line.id for line in store.find_registrations(RegistrationFilter(states=(RegistrationState.ASK_MEMBER,)), page=Page(size=200)).lines]
    topics = [facet.value for facet in store.picture().topics]
    deep = [store.find_registrations(RegistrationFilter(received_before=END - timedelta(days=days)), page=Page(size=1)).next for days in (100, 500, 900, 1500)]

    def narrowed() -> list[tuple[str, str]]:
        words = draw.choice(("the", "research", draw.choice(topics), draw.choice(lines).member_name, draw.choice(lines).member_address))
        begins = (END - timedelta(days=draw.randint(1, 365 * YEARS))).date()
        some = draw.sample(
            (
                [("q", words)],
                [("council", skewed(draw, offered.councils).value)],
                [("activity", draw.choice(offered.activities).value)],
                [("session", draw.choice(offered.sessions).value)],
                [("theme", draw.choice(offered.themes).value)],
                [("state", draw.choice(list(RegistrationState)))],
                [("school", draw.choice(lines).institutions[:1])],
                [("from", begins.isoformat()), ("to", (begins + timedelta(days=draw.choice((7, 90, 700)))).isoformat())],
            ),
            draw.choice((1, 1, 2, 3)),
        )
        return [(key, value if isinstance(value, str) else value[0]) for pairs in some for key, value in pairs if value]

    def asked(
        path: str, make: Callable[[], Sequence[tuple[str, str]]] = tuple, by: Any = client, fine: Sequence[int] = (200, 303)
    ) -> Callable[[], Callable[[], Any]]:
        def one() -> Callable[[], Any]:
            address = f"{path}?{urlencode(make())}"

            def get() -> None:
                response = by.get(address)
                if response.status_code not in fine:
                    sys.exit(f"{address}: {response.status_code}")

            return get

        return one

    def one_of(path: str, named: Sequence[Any], more: str = "", fine: Sequence[int] = (200, 303)) -> Callable[[], Any]:
        return asked(f"{path}{draw.choice(named)}{more}", fine=fine)()

    def many() -> list[tuple[str, str]]:
        """Fifty entries of the register, to be changed at once."""
        begin = draw.randrange(len(ids) - 50)
        return [*(("id", id) for id in ids[begin : begin + 50]), *draw.choice(([("do", "spam")], [("do", "not-ours")]))]

    def audited() -> list[tuple[str, str]]:
        return draw.choice(([], [("person", "moira")], [("item", draw.choice(ids))], [("from", (END - timedelta(days=30)).date().isoformat())]))

    schools = [place.name for letter in ("al", "st", "du", "kirk", "col") for place in house.office.places(letter, limit=50)]
    sorts = [("sort", sort) for sort in RegistrationSort]
    several = {
        "/": asked("/"),
        "/today/needs": asked("/today/needs"),
        "/queue": asked("/queue"),
        "/queue of a kind": asked("/queue", lambda: [("kind", draw.choice(list(NeedsKind)))]),
        "/next": asked("/next"),
        "/register": asked("/register"),
        "/register in an order": asked("/register", lambda: [draw.choice(sorts)]),
        "/register narrowed": asked("/register", lambda: [*narrowed(), draw.choice(sorts)]),
        "/register deep": asked("/register", lambda: [("after", draw.choice(deep))]),
        "/register/bulk": asked("/register/bulk", many),
        "/register/new": asked("/register/new"),
        "/register/views": asked("/register/views"),
        "/register/schools": asked("/register/schools", lambda: [("q", draw.choice("abcdgklms") + draw.choice("aeio"))]),
        "/picture": asked("/picture"),
        "/picture narrowed": asked("/picture", narrowed),
        "/item": partial(one_of, "/item/", ids),
        "/item/N/ask": partial(one_of, "/item/", asked_ids, "/ask", fine=(200, 422)),  # the made-up mail cannot be answered
        "/item/N/merge": partial(one_of, "/item/", ids, "/merge"),
        "/message": partial(one_of, "/message/", mail),
        "/message/N/answer": partial(one_of, "/message/", mail, "/answer"),
        "/places": asked("/places", lambda: [("q", draw.choice(schools)[: draw.randint(2, 9)])]),
        "/replies": asked("/replies", lambda: [("tab", draw.choice(("held", "due", "sent", "parked")))]),
        "/replies with words": asked("/replies", lambda: [("tab", draw.choice(("held", "sent"))), ("q", draw.choice(("research", draw.choice(topics))))]),
        "/replies/N": partial(one_of, "/replies/", replies),
        "/replies/texts": asked("/replies/texts"),
        "/taught": asked("/taught"),
        "/today/mail": asked("/today/mail"),
        "/queue/lines": asked("/queue/lines"),
        "/people": asked("/people", by=administrator),
        "/audit": asked("/audit", audited, by=administrator),
    }
    return {name: [make() for _ in range(rounds)] for name, make in several.items()}


def measure(url: str, rounds: int, seed: int, only: Sequence[str], made_by: Callable[[Store, int, int], dict[str, list[Callable[[], Any]]]]) -> None:
    with Store(url) as store:
        made, busy = made_by(store, rounds, seed), Busy(store)
        print(f"{'':32}{'middle':>9}{'95 %':>9}{'slowest':>9}{'busy: middle':>15}{'95 %':>9}{'slowest':>9}   ms")
        for name, some in made.items():
            if only and not any(part in name for part in only):
                continue
            some[0]()
            took = []
            for call in some:
                begun, worked = time.perf_counter(), busy.now()
                call()
                took.append(((time.perf_counter() - begun) * 1000, (busy.now() - worked) * 1000))
            line = ""
            for figures in (sorted(wall for wall, _ in took), sorted(work for _, work in took)):
                line += f"{figures[len(figures) // 2]:{15 if line else 9}.1f}{figures[int(len(figures) * 0.95)]:9.1f}{figures[-1]:9.1f}"
            print(f"{name:32}{line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "time", "pages"):
        one = commands.add_parser(name)
        one.add_argument("--url", required=True)
        one.add_argument("--seed", type=int, default=5)
        if name == "build":
            one.add_argument("--registrations", type=int, default=100_000)
            one.add_argument("--messages", type=int, default=250_000)
        else:
            one.add_argument("--rounds", type=int, default=60)
            one.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    if options.command == "build":
        build(options.url, options.registrations, options.messages, options.seed)
    else:
        measure(options.url, options.rounds, options.seed, options.only, calls if options.command == "time" else pages)


if __name__ == "__main__":
    main()
