"""Corrections teach: what a person put right is offered to be remembered, read by from the next message on, and measured by.

``RememberingReader`` is the reader of the running pipeline: it asks the store for a number each round, and takes up what was
remembered or forgotten since. ``Remembering`` has the verbs of the desk and of «mailroom aliases»: what a correction
could teach (``offers``), what that would change (``try_out``), ``remember``, ``forget``, and the installation's own regression set.

Promises. Nothing is remembered unless a person says so, and nothing that ``parse.teachable`` refuses. What is remembered has
its person and its line in the history, and can be forgotten. No restart is needed; the version of the rules tells of it.

What it does badly: mail that was read before is not read again by itself; ``try_out`` names it, and a person may say so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.office import Alias, Done, Effect, Offer, Place, Trial
from mailroom.errors import MailroomError, Permanent
from mailroom.evaluating import Names, case_labelled, measure, read_whole
from mailroom.exporting import FIELDS
from mailroom.model import AliasKind, Extraction, Outcome, ParsedMessage, Reading, Remembered, Slot
from parse.schoolnames import take_apart, words
from parse.teachable import Suggestion, Teachable, key_of
from store import AliasDraft, Registration, RegistrationState, RegressionCase, StoredAlias

if TYPE_CHECKING:
    from mailroom.config import Config
    from parse.reader import Reader
    from store import Store

__all__ = ["Remembering", "RememberingReader", "of_installation", "offer_words"]

MOST_OFFERS = 4
_SHOWN = ("institutions", "authorities", "activities")
_UNSETTLED = (Outcome.ASK_MEMBER, Outcome.REVIEW)


class RememberingReader:
    """A reader that knows what the store remembered when it was last refreshed. Safe for several threads."""

    def __init__(self, reader: Reader, store: Store, *, changed: Callable[[Sequence[Remembered]], None] = lambda _: None) -> None:
        """``changed`` is told of the aliases whenever they are others than before."""
        self._bare, self.store, self.changed = reader, store, changed
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self.current = reader

    def refresh(self) -> None:
        """Take up what was remembered or forgotten since; one small question where nothing was."""
        with self._lock:
            if self.store.remembered_version() == self._version:
                return
            version, aliases = self.store.remembered()
            self.current = self._bare.remembering(aliases)
            self.changed(aliases)
            self._version = version

    def read(self, content: bytes, *, received_at: datetime | None = None) -> Reading:
        return self.current.read(content, received_at=received_at)

    def extract(self, parsed: ParsedMessage, *, received_at: datetime | None = None, councils: Sequence[str] = ()) -> Extraction:
        return self.current.extract(parsed, received_at=received_at, councils=councils)

    @property
    def rules_version(self) -> str:
        return self.current.rules_version


def of_installation(config: Config, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Remembering:
    from mailroom.extracting import open_reader

    return Remembering(store, lambda: open_reader(config=config), own_domains=config.replies.own_domains, now=now)


class Remembering:
    """The verbs. ``reader`` is made at the first use, because it takes a second; ``own_domains``: of our own addresses."""

    def __init__(
        self,
        store: Store,
        reader: Callable[[], Reader],
        *,
        own_domains: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store, self.now = store, now
        self.own_domains = frozenset(domain.lower() for domain in own_domains)
        self._make, self._lock = reader, threading.Lock()
        self._reading: RememberingReader | None = None

    def reader(self) -> Reader:
        """With what is remembered now."""
        with self._lock:
            if self._reading is None:
                self._reading = RememberingReader(self._make(), self.store)
        self._reading.refresh()
        return self._reading.current

    # --- offering

    def offers(self, before: Registration, after: Registration) -> tuple[Offer, ...]:
        """What the correction that made ``after`` of ``before`` could teach; the likeliest first.

        Also a school that no list has, where a person accepted it by that.
        """
        put_right = [
            (Slot(value.field), value.value)
            for value in after.values
            if value.person is not None and value.field != Slot.TOPIC.value and value.value not in before.values_of(value.field)
        ]
        confirmed = [
            (Slot.INSTITUTION, value.value)
            for value in after.values
            if after.state == RegistrationState.REGISTERED
            and value.field == Slot.INSTITUTION.value
            and value.person is None
            and any(e.rule == "institution.unlisted" for e in value.evidence)
        ]
        if any(slot is Slot.INSTITUTION for slot, _ in put_right):
            put_right = [(slot, value) for slot, value in put_right if slot is not Slot.AUTHORITY]  # the council comes with the school
        wanted = [*put_right, *confirmed]
        if not wanted:
            return ()
        councils = after.values_of(Slot.AUTHORITY.value)
        council = councils[0] if len(councils) == 1 else ""
        reader = self.reader()
        teachable = Teachable(reader)
        known = {(alias.kind, key_of(alias.kind, alias.written), alias.council) for alias in reader.aliases}
        found: dict[tuple[AliasKind, str], Offer] = {}
        for reading in self._readings(after):
            for slot, value in wanted:
                for wish in teachable.suggest(reading, slot, value, council=council):
                    key = key_of(wish.kind, wish.written)
                    if (wish.kind, key, wish.council) not in known and not self._refused(teachable, wish):
                        found.setdefault((wish.kind, key), _offer(wish, teachable.caution(wish)))
        return tuple(found.values())[:MOST_OFFERS]

    def _readings(self, registration: Registration) -> Iterator[Reading]:
        for number in registration.messages:
            record = self.store.message(number)
            if record is not None and record.readings:
                yield record.readings[-1].reading

    def _refused(self, teachable: Teachable, wish: Suggestion) -> str:
        if reason := teachable.refusal(wish):
            return reason
        if wish.kind is not AliasKind.DOMAIN:
            return ""
        domain = key_of(wish.kind, wish.written)
        if domain in self.own_domains:
            return f"{domain} is our own"
        if others := [name for name in self.store.institutions_of_domain(domain) if name != wish.means]:
            return f"members of {', '.join(others[:3])}{' and others' if len(others) > 3 else ''} write from {domain} too"
        return ""

    # --- trying out

    def try_out(self, offer: Offer, *, registration_id: str | None, last: int = 500) -> Trial:
        """What it would change among the last messages. Raises MailroomError where it cannot be remembered."""
        reader = self.reader()
        teachable = Teachable(reader)
        wish = teachable.placed(_wish(offer))
        if reason := self._refused(teachable, wish):
            raise MailroomError(reason)
        then = reader.remembering((*reader.aliases, wish.remembered()))
        own = set[int]()
        if registration_id is not None and (registration := self.store.registration(registration_id)) is not None:
            own = set(registration.messages)
        concerned = _Concerned(wish, reader)
        looked_at, effects = 0, list[Effect]()
        for number, parsed in self.store.latest_read(last):
            if number in own:
                continue
            looked_at += 1
            if concerned(parsed) and (effect := self._effect(number, reader, then)) is not None:
                effects.append(effect)
        spoilt = self._spoilt(reader, then, concerned)
        return Trial(looked_at=looked_at, effects=tuple(effects), said=_trial_words(looked_at, effects, spoilt), spoils=spoilt, caution=teachable.caution(wish))

    def _effect(self, number: int, now: Reader, then: Reader) -> Effect | None:
        record = self.store.message(number)
        if record is None or record.content is None:
            return None
        received = record.message.internal_date
        one, other = now.read(record.content, received_at=received), then.read(record.content, received_at=received)
        before = {FIELDS[name]: tuple(getattr(one.extraction, name)) for name in _SHOWN}
        after = {FIELDS[name]: tuple(getattr(other.extraction, name)) for name in _SHOWN}
        differ = [field for field in before if before[field] != after[field]]
        settles = one.decision.outcome in _UNSETTLED and other.decision.outcome is Outcome.REGISTERED
        if not differ and not settles:
            return None
        return Effect(
            message_id=number,
            registration_id=record.registrations[0].id if record.registrations else None,
            sender=record.message.sender_name or record.message.sender_address or "",
            subject=record.message.subject or "",
            before={field: before[field] for field in differ},
            after={field: after[field] for field in differ},
            settles=settles,
        )

    def _spoilt(self, now: Reader, then: Reader, concerned: _Concerned) -> tuple[str, ...]:
        """The registrations whose confirmed values would be read wrongly, and are not now."""
        names = self._names(then)
        spoilt = []
        for case in self.store.regression_cases():
            content = self._contents(case)
            if not content or not any(concerned(now.read(one).parsed) for one in content):
                continue
            if not _wrong(case, content, now, names) and _wrong(case, content, then, names):
                spoilt.append(case.registration_id)
        return tuple(spoilt)

    # --- remembering

    def remember(self, offer: Offer, *, registration_id: str | None, who: str) -> Done:
        """Known from the next round on. Raises MailroomError where it cannot be remembered."""
        teachable = Teachable(self.reader())
        wish = teachable.placed(_wish(offer))
        if reason := self._refused(teachable, wish):
            raise MailroomError(reason)
        draft = AliasDraft(
            kind=wish.kind,
            written=wish.written,
            key=key_of(wish.kind, wish.written),
            means=wish.means,
            council=wish.council,
            stands_in=wish.stands_in,
            registration_id=registration_id,
        )
        try:
            number = self.store.remember(draft, self.now(), actor=who)
        except Permanent as error:
            raise MailroomError("somebody else remembered these words at this moment; look at the list again") from error
        said = f"Remembered: {offer_words(offer)}." if number is not None else f"That is remembered already: {offer_words(offer)}."
        return Done(deed=None, said=said, alias=number)

    def forget(self, alias: int, *, who: str) -> Done:
        if not self.store.forget(alias, self.now(), actor=who):
            raise MailroomError(f"there is no remembered alias {alias}, or it is forgotten already")
        one = next(one for one in self.store.aliases() if one.remembered.id == alias)
        return Done(deed=None, said=f"Forgotten: {offer_words(_offer_of(one))}.")

    def aliases(self) -> tuple[Alias, ...]:
        """All, the newest first, also those that were forgotten."""
        return tuple(
            Alias(
                id=one.remembered.id,
                written=one.remembered.written,
                means=one.remembered.means,
                council=one.remembered.council,
                made_at=one.made_at,
                made_by=one.made_by,
                registration_id=one.registration_id,
                forgotten_at=one.forgotten_at,
                forgotten_by=one.forgotten_by,
                hits=one.hits,
                kind=str(one.remembered.kind),
                stands_in=one.remembered.stands_in,
            )
            for one in self.store.aliases()
        )

    def places(self, query: str) -> tuple[Place, ...]:
        """The institutions that remembered words mean, for what a person typed: each word begins one of theirs. Newest first."""
        asked = [word.norm for word in words(query.replace("\u2019", "'"))]
        found: dict[tuple[str, str], Place] = {}
        for one in reversed(self.store.remembered()[1]) if asked else ():
            if one.kind is not AliasKind.INSTITUTION:
                continue
            theirs = [word.norm for text in (one.written, one.means, one.stands_in) for word in words(text.replace("\u2019", "'"))]
            if all(any(norm.startswith(begun) for norm in theirs) for begun in asked):
                key = (one.means, one.stands_in)
                also = (*(found[key].also if key in found else ()), *((one.written,) if one.written != one.means else ()))
                kind = "school" if one.stands_in or "college" not in one.means.casefold() else "college"
                found[key] = Place(name=one.means, kind=kind, council=one.stands_in, town="", also=also)
        return tuple(found.values())

    # --- the regression set

    def cases(self) -> tuple[RegressionCase, ...]:
        """With their last measurement: first what is wrong, then what was not measured, then the newest."""
        return self.store.regression_cases()

    def measure_cases(self) -> tuple[RegressionCase, ...]:
        """Read all of them with the rules as they are now, and keep what came of it."""
        reader = self.reader()
        names = self._names(reader)
        results = {}
        for case in self.store.regression_cases():
            if content := self._contents(case):
                results[case.registration_id] = _wrong(case, content, reader, names)
        self.store.note_measured(results, reader.rules_version, self.now())
        return self.cases()

    def _contents(self, case: RegressionCase) -> tuple[bytes, ...]:
        records = [self.store.message(number) for number in case.messages]
        return tuple(record.content for record in records if record is not None and record.content is not None)

    @staticmethod
    def _names(reader: Reader) -> Names:
        return Names(reader.institutions.folder, reader.institutions.schools)


def _wrong(case: RegressionCase, content: Sequence[bytes], reader: Reader, names: Names) -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """By field, what is read otherwise than confirmed."""
    item = case_labelled(case, content)
    result = measure(item, read_whole(item, reader), names)
    return {FIELDS[key]: (compared.wanted, compared.found) for key, compared in result.wrong.items()}


# --- in words


def offer_words(offer: Offer) -> str:
    """«PHS» in City of Edinburgh means Portobello High School."""
    if offer.kind == AliasKind.DOMAIN:
        return f"who writes from {offer.written} is at {offer.means}"
    where = f" in {offer.council}" if offer.council else ""
    if offer.kind == AliasKind.INSTITUTION and offer.written == offer.means:
        return f"{offer.means}{f' ({offer.stands_in})' if offer.stands_in else ''} is a school"
    return f"«{offer.written}»{where} means {offer.means}"


def _trial_words(looked_at: int, effects: Sequence[Effect], spoilt: Sequence[str]) -> str:
    if not looked_at:
        return "There is no other message yet to try it out on."
    settled = sum(effect.settles for effect in effects)
    if not effects:
        said = f"It would change none of the last {looked_at} messages." if looked_at > 1 else "It would not change the one other message."
    else:
        others = "1 other" if len(effects) == 1 else f"{len(effects)} others"
        said = f"It would also change {others} of {looked_at}" + (f", of which {settled} would need nobody any more." if settled else ".")
    if spoilt:
        said += f" {len(spoilt)} that a person confirmed would then be read wrongly: {', '.join(spoilt[:3])}{' ...' if len(spoilt) > 3 else ''}."
    return said


def _offer(wish: Suggestion, caution: str) -> Offer:
    return Offer(written=wish.written, means=wish.means, council=wish.council, kind=str(wish.kind), stands_in=wish.stands_in, caution=caution)


def _offer_of(one: StoredAlias) -> Offer:
    alias = one.remembered
    return Offer(written=alias.written, means=alias.means, council=alias.council, kind=str(alias.kind), stands_in=alias.stands_in)


def _wish(offer: Offer) -> Suggestion:
    try:
        kind = AliasKind(offer.kind)
    except ValueError:
        raise MailroomError(f"«{offer.kind}» is nothing to remember; there are {', '.join(AliasKind)}") from None
    written, means = " ".join(offer.written.split()), " ".join(offer.means.split())
    scoped = kind is AliasKind.INSTITUTION
    placed = kind in (AliasKind.INSTITUTION, AliasKind.DOMAIN)
    return Suggestion(
        kind=kind,
        written=key_of(kind, written) if kind is AliasKind.DOMAIN else written,
        means=means,
        council=offer.council if scoped else "",
        stands_in=offer.stands_in if placed else "",
    )


class _Concerned:
    """Whether a message may be concerned by a wish at all: it has the words one behind the other, or comes from the domain."""

    def __init__(self, wish: Suggestion, reader: Reader) -> None:
        self.domain = wish.written if wish.kind is AliasKind.DOMAIN else ""
        norms = tuple(word.norm for word in words(wish.written.replace("\u2019", "'")))
        if wish.kind is AliasKind.INSTITUTION:  # «Portobelo High School» is read in «Portobelo HS» as well
            norms = take_apart(wish.written, reader.institutions.vocabulary.forms).core or norms
        self.key, self.telling = f" {' '.join(norms)} ", max(norms, key=len, default="")

    def __call__(self, parsed: ParsedMessage) -> bool:
        if self.domain:
            domain = parsed.sender.domain if parsed.sender is not None else ""
            return domain == self.domain or domain.endswith(f".{self.domain}")
        texts = (parsed.subject, parsed.body, *(attachment.text for attachment in parsed.attachments))
        return any(self._in(text) for text in texts)

    def _in(self, text: str) -> bool:
        if text.isascii() and self.telling not in text.lower().replace(".", "").replace("'", ""):
            return False  # as most are, and at once
        norms = " ".join(word.norm for word in words(text.replace("\u2019", "'")))
        return self.key in f" {norms} "
