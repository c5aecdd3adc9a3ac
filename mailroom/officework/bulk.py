"""The same for many entries: what it would do to each, and doing it as one deed.

``prospects`` and ``do`` decide by the same code, so that what was shown is what is done. An entry that somebody changed
after it was shown is left as it is, and told. A value that is given to many says nothing of how their messages are to
be read, so it teaches nothing.

What it does badly: all of them are one transaction, which keeps a round waiting for some seconds (the desk takes
five hundred at most).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from desk.office import Bulk, Done, Prospect
from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyState
from mailroom.officework.registering import FIELD_WORDS, Registering
from store import Did, FieldValue, Registration, RegistrationState, RegistrationUpdate
from store.outbox import ANSWER

if TYPE_CHECKING:
    from store import Store

__all__ = ["Bulks"]

_CHANGES = {"accept": "accept", "withdraw": "withdraw", "add": "correct", "remove": "correct", "set": "correct"}  # what -> the kind of deed
_DISMISSALS = {"not_ours": "dismissed_not_ours", "spam": "dismissed_spam"}
_MANY_VALUED = ("activity", "topic", "session")
_Decided = tuple[str, RegistrationUpdate | None]  # what changes, in words; None where it is no change of the registration itself
_GONE = {
    RegistrationState.MERGED: "Joined to another entry",
    RegistrationState.DISMISSED: "Not for the register",
}


class Bulks:
    def __init__(self, store: Store, registering: Registering, now: Callable[[], datetime]) -> None:
        self.store, self.registering, self.now = store, registering, now

    def prospects(self, bulk: Bulk, ids: Sequence[str]) -> tuple[Prospect, ...]:
        bulk = self._checked(bulk)
        found = {one.id: one for one in self.store.registrations_of(ids)}
        decide = self._decider(bulk, ids)
        told = []
        for id in dict.fromkeys(ids):
            if (registration := found.get(id)) is None:
                told.append(Prospect(id=id, revision=0, why="No longer there"))
                continue
            decided = decide(registration)
            if isinstance(decided, str):
                told.append(Prospect(id=id, revision=registration.revision, why=decided))
            else:
                told.append(Prospect(id=id, revision=registration.revision, change=decided[0]))
        return tuple(told)

    def do(self, bulk: Bulk, seen: Mapping[str, int], *, who: str) -> Done:
        bulk = self._checked(bulk)
        found = [one for one in self.store.registrations_of(list(seen)) if one.revision == seen[one.id]]
        decide = self._decider(bulk, [one.id for one in found])
        going = [(one, decided) for one in found if not isinstance(decided := decide(one, who), str)]
        did, done = self._doing(bulk, going, who)
        left = len(seen) - done
        said = f"{_SAID[bulk.what]} {done:,} {'entry' if done == 1 else 'entries'}." if done else "Nothing was done."
        if left:
            was, they = ("was", "it is as it was") if left == 1 else ("were", "they are as they were")
            said += f" {left:,} {was} changed by somebody else meanwhile: {they}."
        return Done(deed=did.deed if did is not None else None, said=said)

    def _doing(self, bulk: Bulk, going: Sequence[tuple[Registration, _Decided]], who: str) -> tuple[Did | None, int]:
        if not going:
            return None, 0
        if bulk.what in _DISMISSALS:
            messages = sorted({id for one, _ in going for id in one.messages})
            seen = {one.id: one.revision for one, _ in going}
            did = self.store.dismiss(messages, _DISMISSALS[bulk.what], self.now(), actor=who, seen=seen)
            return did, len(set(did.registrations) & seen.keys()) if did is not None else 0
        if bulk.what == "release":
            held = [one for one in self.store.unsent_of([one.id for one, _ in going]) if one.state is ReplyState.HELD]
            did = self.store.release_these([one.id for one in held], self.now(), actor=who, states=(ReplyState.HELD,))
            released = set(did.replies) if did is not None else set()
            return did, len({one.registration_id for one in held if one.id in released})
        updates = [update for _, (_, update) in going if update is not None]
        did = self.store.change_many(
            _CHANGES[bulk.what],
            updates,
            self.now(),
            actor=who,
            places=self.registering.knowledge.limits,
            settle=bulk.what in ("accept", "withdraw"),
        )
        return did, len(did.registrations) if did is not None else 0

    # --- what becomes of one

    def _checked(self, bulk: Bulk) -> Bulk:
        if bulk.what not in (*_CHANGES, *_DISMISSALS, "release"):
            raise MailroomError(f"there is nothing called «{bulk.what}» to do with many entries")
        if bulk.what not in ("add", "remove", "set"):
            return bulk
        if bulk.what != "set" and bulk.field not in _MANY_VALUED:
            raise MailroomError(f"{bulk.field} has one value: set it")
        (value,) = self.registering.knowledge.checked(bulk.field, [bulk.value])
        return Bulk(what=bulk.what, field=bulk.field, value=value)

    def _decider(self, bulk: Bulk, ids: Sequence[str]) -> Callable[..., str | _Decided]:
        """For a registration: why it is left as it is, or what changes, in words and as an update."""
        held: Counter[str | None] = Counter()
        unsent: Counter[str | None] = Counter()
        for reply in self.store.unsent_of(ids):
            held[reply.registration_id] += reply.state is ReplyState.HELD
            unsent[reply.registration_id] += reply.purpose == ANSWER

        def decide(one: Registration, who: str = "somebody") -> str | _Decided:
            if one.state in _GONE:
                return _GONE[one.state]
            if bulk.what == "release":
                return (f"{_answers(held[one.id])} will go out", None) if held[one.id] else "No answer is held"
            if bulk.what in _DISMISSALS:
                return self._dismissed(one)
            decided = self._changed(bulk, one, who)
            if isinstance(decided, str) or not unsent[one.id]:
                return decided
            return f"{decided[0]}; {_answers(unsent[one.id])} kept back", decided[1]  # it tells of what was before

        return decide

    def _changed(self, bulk: Bulk, one: Registration, who: str) -> str | _Decided:
        if one.state is RegistrationState.WITHDRAWN:
            return "Taken off already" if bulk.what == "withdraw" else "Has withdrawn"
        if bulk.what == "withdraw":
            return "Taken off the register", _update(one, RegistrationState.WITHDRAWN)
        return self._accepted(one) if bulk.what == "accept" else self._valued(bulk, one, who)

    def _dismissed(self, one: Registration) -> str | _Decided:
        if not one.messages:
            return "Entered by hand: take it off the register instead"
        if MessageState.WAITING in self.store.message_states(one.messages):
            return "A message of theirs is about to be read"
        return f"{len(one.messages)} message{'s' if len(one.messages) > 1 else ''} and the entry are put aside; nothing unsent goes out", None

    def _accepted(self, one: Registration) -> str | _Decided:
        if lacks := tuple(dict.fromkeys((*one.missing, *self.registering.lacks(one, one.values)))):
            return f"Still missing: {', '.join(FIELD_WORDS.get(field, field) for field in lacks)}"
        if one.state is RegistrationState.REGISTERED:
            return "On the register already"
        return "Accepted: on the register", _update(one, RegistrationState.REGISTERED)

    def _valued(self, bulk: Bulk, one: Registration, who: str) -> str | _Decided:
        there = one.values_of(bulk.field)
        label = self._short(bulk)
        if bulk.what == "remove":
            if bulk.value not in there:
                return "Do not have it"
            values = tuple(value for value in one.values if (value.field, value.value) != (bulk.field, bulk.value))
            return f"{label} is taken out", _update(one, one.state, values=values)
        if (there == (bulk.value,)) if bulk.what == "set" else (bulk.value.casefold() in {value.casefold() for value in there}):
            return "Have it already"
        kept = tuple(value for value in one.values if bulk.what == "add" or value.field != bulk.field)
        values = (*kept, FieldValue(field=bulk.field, value=bulk.value, person=who))
        missing = tuple(field for field in one.missing if field != bulk.field)
        state = one.state
        if state is RegistrationState.ASK_MEMBER and not missing and not self.registering.lacks(one, values):
            state = RegistrationState.REGISTERED  # it waited for nothing else
        change = f"{', '.join(there)} → {label}" if bulk.what == "set" and there else f"+ {label}"
        if state is not one.state:
            change += "; with that on the register"
        return change, _update(one, state, values=values, missing=missing)

    def _short(self, bulk: Bulk) -> str:
        words = self.registering.knowledge.words
        choices = {"activity": words.activities, "session": words.sessions}.get(bulk.field, ())
        return next((choice.short or choice.label for choice in choices if choice.id == bulk.value), bulk.value)


_SAID = {
    "accept": "Accepted",
    "withdraw": "Taken off the register:",
    "add": "Added to",
    "remove": "Taken out of",
    "set": "Set for",
    "release": "On the way: the answers to",
    "not_ours": "Not for the register:",
    "spam": "Spam:",
}


def _answers(count: int) -> str:
    return "1 unsent answer" if count == 1 else f"{count} unsent answers"


def _update(
    one: Registration, state: RegistrationState, *, values: tuple[FieldValue, ...] | None = None, missing: tuple[str, ...] | None = None
) -> RegistrationUpdate:
    missing = () if state is RegistrationState.REGISTERED and values is None else one.missing if missing is None else missing
    return RegistrationUpdate(registration_id=one.id, revision=one.revision, state=state, values=one.values if values is None else values, missing=missing)
