"""What a person does to registrations, for the desk and for the command line: one implementation of each deed.

Values are those that programme data knows; a school may be any name. A value that a person gives is theirs, and keeps
the member's words where the message said the same. Each deed is one transaction of the store.

What it does badly: the member is told of it only where whoever does it says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from desk.office import Conflict
from mailroom.errors import MailroomError
from mailroom.model import MessageState, Slot
from mailroom.officework.knowledge import FIELDS, REQUIRED, Knowledge
from store import OFF_THE_REGISTER, Did, FieldValue, Registration, RegistrationDraft, RegistrationState, RegistrationUpdate

if TYPE_CHECKING:
    from store import DeedLetter, Store

__all__ = ["FIELD_WORDS", "Outcome", "Registering", "Telling", "Tells"]

FIELD_WORDS = {"institution": "school or college", "authority": "council", "activity": "way of taking part", "topic": "topic", "session": "session"}
_LONGEST = 200
_ADDRESS = re.compile(r"[^\s@<>,;:\"()]+@[^\s@<>,;:\"()]+\.[^\s@<>,;:\"()]+")
_SCHOOL, _COUNCIL = Slot.INSTITUTION.value, Slot.AUTHORITY.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a deed came to. ``did`` is None where nothing differed; ``before`` is the registration as it was."""

    did: Did | None
    said: str
    registration_id: str | None = None
    before: Registration | None = None
    notes: tuple[str, ...] = field(default=())


Tells = Callable[[Registration, RegistrationUpdate], "Telling"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """What the member is to be told of a change; ``said`` is for whoever did it, also where nobody is told (``letter`` None)."""

    letter: DeedLetter | None
    said: str


class Registering:
    def __init__(self, store: Store, knowledge: Knowledge, now: Callable[[], datetime]) -> None:
        self.store, self.knowledge, self.now = store, knowledge, now

    # --- the registration that is meant

    def found(self, reference: str) -> Registration:
        registration = self.store.find_registration(reference)
        if registration is None:
            raise MailroomError(f"no registration «{reference}»; give its id (or the start of it), or an address; «mailroom register list» shows them")
        return registration

    def seen(self, reference: str, revision: int | None) -> Registration:
        """As it is, provided that this is what its person saw. ``revision`` None: whatever it is now."""
        registration = self.found(reference)
        if revision is not None and revision != registration.revision:
            who = self.store.who_changed(registration.id)
            raise Conflict(
                f"{registration.id} was changed meanwhile: it is at revision {registration.revision}, not {revision}; look at it again",
                now_at=registration.revision,
                who=who,
            )
        return registration

    def on_register(self, reference: str, revision: int | None) -> Registration:
        registration = self.seen(reference, revision)
        if registration.state is RegistrationState.MERGED:
            raise MailroomError(f"{registration.id} was merged into {registration.merged_into}; that one is to be put right")
        if registration.state is RegistrationState.DISMISSED:
            raise MailroomError(f"{registration.id} was dismissed; reopen it first")
        return registration

    # --- values and state

    def correct(
        self,
        reference: str,
        revision: int | None,
        changes: Mapping[str, Sequence[str]],
        cleared: Sequence[str],
        *,
        who: str,
        settle: bool,
        tell: Tells | None = None,
    ) -> Outcome:
        """Set fields to these values, empty others. With ``settle`` it is accepted with that where nothing is missing any more.

        ``tell`` writes to the member then.
        """
        named = {name: values for name, values in changes.items() if values}
        if unknown := sorted({*named, *cleared} - set(FIELDS)):
            raise MailroomError(f"there is no field «{unknown[0]}»; there are {', '.join(FIELDS)}")
        if both := sorted(set(named) & set(cleared)):
            raise MailroomError(f"{', '.join(both)}: set it or clear it, not both")
        if not named and not cleared:
            raise MailroomError("nothing to correct: name a field, such as --authority Fife, or --clear topic")
        registration = self.on_register(reference, revision)
        checked = {name: self.knowledge.checked(name, values) for name, values in named.items()}
        notes = self._council_follows(registration.values, checked, cleared, unsure=_COUNCIL in registration.missing)
        values = self._with(registration.values, checked, cleared, who)
        missing = [one for one in registration.missing if one not in checked]
        missing += [one for one in REQUIRED if one in cleared and one not in missing]
        if self._needs_no_council(registration, values):
            missing = [one for one in missing if one != _COUNCIL]
        state = registration.state
        lacks = [] if missing else self.lacks(registration, values)
        if settle and state is not RegistrationState.WITHDRAWN and not missing and not lacks:
            state = RegistrationState.REGISTERED
        new = RegistrationUpdate(registration_id=registration.id, revision=registration.revision, state=state, values=values, missing=tuple(missing))
        telling = tell(registration, new) if tell is not None and state is RegistrationState.REGISTERED else None
        letter = telling.letter if telling is not None else None
        did = self.store.change("correct", new, self.now(), actor=who, places=self.knowledge.limits, settle=settle, letter=letter)
        told = [f"{FIELD_WORDS[name]}: {self._shown(name, checked[name])}" for name in FIELDS if name in checked]
        told += [f"{FIELD_WORDS[name]}: nothing" for name in FIELDS if name in cleared]
        said = "; ".join(told) + ". " + self._stands(state, (*missing, *lacks)) + "".join(f" {note}" for note in notes) + _told(telling, did)
        return Outcome(
            did=did, said=said if did is not None else "Nothing differed, so nothing was done.", registration_id=registration.id, before=registration
        )

    def accept(self, reference: str, revision: int | None, *, who: str, incomplete: bool, back: bool = False, tell: Tells | None = None) -> Outcome:
        """It stands as it is. ``back``: although its member has withdrawn; ``tell`` writes to the member."""
        registration = self.on_register(reference, revision)
        if registration.state is RegistrationState.WITHDRAWN and not back:
            raise MailroomError(
                f"{registration.id} has withdrawn: settle its messages, or put the member on the list again by reopening it (on the command line: --back)"
            )
        lacks = tuple(dict.fromkeys((*registration.missing, *self.lacks(registration, registration.values))))
        if lacks and not incomplete:
            words = ", ".join(FIELD_WORDS.get(one, one) for one in lacks)
            raise MailroomError(f"{registration.id}: {words} is not known surely; set it, or accept it as incomplete (on the command line: --incomplete)")
        said = "Registered as it stands." if tell is not None else "Registered as it stands. No mail tells the member of it."
        return self._moved("accept", registration, RegistrationState.REGISTERED, who, said=said, tell=tell)

    def withdraw(self, reference: str, revision: int | None, *, who: str) -> Outcome:
        """The member leaves. The values stay, for the record."""
        registration = self.on_register(reference, revision)
        return self._moved("withdraw", registration, RegistrationState.WITHDRAWN, who, said="Taken off the list. No mail tells the member of it.")

    def reopen(self, reference: str, revision: int | None, *, who: str) -> Outcome:
        """Back to «needs a person», from wherever it is but from another registration."""
        registration = self.seen(reference, revision)
        if registration.state is RegistrationState.MERGED:
            raise MailroomError(f"{registration.id} was merged into {registration.merged_into}; undo the merge")
        lacks = tuple(dict.fromkeys((*registration.missing, *self.lacks(registration, registration.values))))
        return self._moved("reopen", registration, RegistrationState.REVIEW, who, said="It waits for a person again.", missing=lacks, settle=False)

    def _moved(
        self,
        kind: str,
        registration: Registration,
        state: RegistrationState,
        who: str,
        *,
        said: str,
        missing: tuple[str, ...] = (),
        settle: bool = True,
        tell: Tells | None = None,
    ) -> Outcome:
        new = RegistrationUpdate(registration_id=registration.id, revision=registration.revision, state=state, values=registration.values, missing=missing)
        telling = tell(registration, new) if tell is not None else None
        letter = telling.letter if telling is not None else None
        did = self.store.change(kind, new, self.now(), actor=who, places=self.knowledge.limits, settle=settle, reopen=kind == "reopen", letter=letter)
        return Outcome(
            did=did,
            said=said + _told(telling, did) if did is not None else "Nothing differed, so nothing was done.",
            registration_id=registration.id,
            before=registration,
        )

    def merge(self, reference: str, revision: int | None, into: str, into_revision: int | None, *, who: str) -> Outcome:
        """The same member wrote twice."""
        registration, other = self.on_register(reference, revision), self.on_register(into, into_revision)
        if registration.id == other.id:
            raise MailroomError(f"{registration.id} cannot be merged into itself")
        if RegistrationState.WITHDRAWN in (registration.state, other.state):
            gone = registration if registration.state is RegistrationState.WITHDRAWN else other
            raise MailroomError(f"{gone.id} has withdrawn; reopen it first, if it is to be merged")
        values = list(other.values)
        for name in FIELDS:
            there = [value for value in other.values if value.field == name]
            mine = [value for value in registration.values if value.field == name]
            if name in (_SCHOOL, _COUNCIL):  # one school has one council: what stands there stands
                values += mine if not there else []
            else:
                held = {value.value.casefold() for value in there}
                values += [value for value in mine if value.value.casefold() not in held]
        filled = {value.field for value in values} - {value.field for value in other.values}
        missing = tuple(one for one in other.missing if one not in filled or one in registration.missing)
        state = other.state
        if state is RegistrationState.ASK_MEMBER and not missing and not self.lacks(other, values):
            state = RegistrationState.REGISTERED
        new = RegistrationUpdate(registration_id=other.id, revision=other.revision, state=state, values=tuple(values), missing=missing)
        did = self.store.merge(registration.id, registration.revision, new, self.now(), actor=who, places=self.knowledge.limits)
        said = f"Joined to the entry of {other.member_name or other.member_address}. {self._stands(state, missing)}"
        return Outcome(did=did, said=said, registration_id=registration.id, before=registration)

    def enter(self, message_id: int, changes: Mapping[str, Sequence[str]], *, who: str) -> Outcome:
        """Make a registration of a message that has none, with these values."""
        record = self.store.message(message_id)
        if record is None:
            raise MailroomError(f"there is no message {message_id}")
        if record.message.state is MessageState.WAITING or not record.readings:
            raise MailroomError(f"message {message_id} has not been read, so nobody is known to be its sender")
        sender = record.readings[-1].reading.parsed.sender
        if sender is None:
            raise MailroomError(f"message {message_id} does not say who sent it")
        if there := [one.id for one in record.registrations if one.state not in OFF_THE_REGISTER]:
            raise Conflict(f"message {message_id} has a registration already, {there[0]}")
        checked = {name: self.knowledge.checked(name, values) for name, values in changes.items() if values}
        if not checked:
            raise MailroomError("nothing to enter: give a school, a council, an activity")
        notes = self._council_follows((), checked, ())
        values = self._with((), checked, (), who)
        missing = tuple(one for one in REQUIRED if one not in checked and not (one == _COUNCIL and self._colleges_only(values)))
        state = RegistrationState.REVIEW if missing else RegistrationState.REGISTERED
        draft = RegistrationDraft(member_name=sender.name, member_address=sender.address, state=state, values=values, missing=missing)
        did = self.store.enter(message_id, draft, self.now(), actor=who, places=self.knowledge.limits, settle=not missing)
        id = did.registrations[0] if did is not None else None
        said = f"Entered as {id}. {self._stands(state, missing)}" + "".join(f" {note}" for note in notes)
        return Outcome(did=did, said=said, registration_id=id)

    def add(self, name: str, address: str, changes: Mapping[str, Sequence[str]], *, who: str) -> Outcome:
        """Make a registration of somebody who did not write."""
        name, address = " ".join(name.split()), address.strip()
        if not name:
            raise MailroomError("nobody is named: give the member's name")
        if odd := next((text for text in (name, address) if not text.isprintable() or len(text) > _LONGEST), None):
            raise MailroomError(f"«{odd[:40]!r}» is too long, or has a sign in it that cannot be printed")
        if address and not _ADDRESS.fullmatch(address):
            raise MailroomError(f"«{address}» is no e-mail address")
        checked = {field: self.knowledge.checked(field, values) for field, values in changes.items() if values}
        notes = self._council_follows((), checked, ())
        values = self._with((), checked, (), who)
        missing = tuple(one for one in REQUIRED if one not in checked and not (one == _COUNCIL and self._colleges_only(values)))
        state = RegistrationState.REVIEW if missing else RegistrationState.REGISTERED
        draft = RegistrationDraft(member_name=name, member_address=address, state=state, values=values, missing=missing)
        did = self.store.add_by_hand(draft, self.now(), actor=who, places=self.knowledge.limits)
        said = f"{name} was entered. {self._stands(state, missing)}" + "".join(f" {note}" for note in notes)
        return Outcome(did=did, said=said, registration_id=did.registrations[0])

    # --- values

    def _with(self, old: Sequence[FieldValue], checked: Mapping[str, Sequence[str]], cleared: Sequence[str], who: str) -> tuple[FieldValue, ...]:
        """The values afterwards: what a person names is theirs, with the member's words where these said the same."""
        values = [value for value in old if value.field not in checked and value.field not in cleared]
        for name in FIELDS:
            for value in checked.get(name, ()):
                same = next((one for one in old if one.field == name and one.value == value), None)
                evidence, message = (same.evidence, same.message_id) if same is not None else ((), None)
                values.append(FieldValue(field=name, value=value, evidence=evidence, message_id=message, person=who))
        return tuple(values)

    def _council_follows(self, old: Sequence[FieldValue], checked: dict[str, tuple[str, ...]], cleared: Sequence[str], *, unsure: bool = False) -> list[str]:
        """Fills the council in where it is empty, or unsure and nobody's word, and the school stands in one alone; says so, or what does not fit."""
        if _SCHOOL not in checked:
            return []
        councils = {council for name in checked[_SCHOOL] for council in self.knowledge.councils_of(name)}
        held = checked.get(_COUNCIL, ()) if _COUNCIL in checked else tuple(value.value for value in old if value.field == _COUNCIL)
        sole = all(len(self.knowledge.councils_of(name)) == 1 for name in checked[_SCHOOL])
        by_person = any(value.field == _COUNCIL and value.person for value in old)
        if _COUNCIL not in checked and _COUNCIL not in cleared and (not held or (unsure and not by_person)) and sole and len(councils) == 1:
            checked[_COUNCIL] = tuple(councils)
            return ["The council was filled in: it is the only one with a school of that name."]
        if councils and held and not councils & set(held):
            return [f"Mind the council: the list has a school of that name in {', '.join(sorted(councils))} only."]
        return []

    def lacks(self, registration: Registration, values: Sequence[FieldValue]) -> tuple[str, ...]:
        """Required fields without any value; a college has no council."""
        there = {value.field for value in values}
        return tuple(name for name in REQUIRED if name not in there and not (name == _COUNCIL and self._needs_no_council(registration, values)))

    def _needs_no_council(self, registration: Registration, values: Sequence[FieldValue]) -> bool:
        """A college of the list, or one that a message was read as naming."""
        named = {value.value for value in values if value.field == _SCHOOL}
        if not named or any(value.field == _COUNCIL for value in values):
            return False
        if self._colleges_only(values):
            return True
        conversation = self.store.conversation(registration.id)
        turns = conversation.turns if conversation is not None else ()
        read = {name for turn in turns if turn.reading.extraction.institution_type == "college" for name in turn.reading.extraction.institutions}
        return bool(named & read)

    def _colleges_only(self, values: Sequence[FieldValue]) -> bool:
        named = [value.value for value in values if value.field == _SCHOOL]
        return bool(named) and all(self.knowledge.is_college(name) for name in named)

    def _shown(self, name: str, values: Sequence[str]) -> str:
        words = self.knowledge.words
        labels = {one.id: one.label for one in (*words.activities, *words.sessions)} if name in (Slot.ACTIVITY.value, Slot.SESSION.value) else {}
        return ", ".join(labels.get(value, value) for value in values)

    def _stands(self, state: RegistrationState, missing: Sequence[str]) -> str:
        if state is RegistrationState.REGISTERED and not missing:
            return "It is registered."
        if missing:
            return f"Still missing or unsure: {', '.join(FIELD_WORDS.get(one, one) for one in dict.fromkeys(missing))}."
        return {RegistrationState.WITHDRAWN: "The member has withdrawn.", RegistrationState.REVIEW: "It waits for a person."}.get(
            state, "It waits for the member."
        )


def _told(telling: Telling | None, did: Did | None) -> str:
    """What whoever did it is told of the letter, if there is one."""
    if telling is None:
        return ""
    reached = telling.letter is None or (did is not None and did.replies)
    return f" {telling.said}" if reached else " Nobody was told: mail to this address came back."
