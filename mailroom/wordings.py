"""The reply texts as persons word them: versions over the programme's files, tried before they are kept.

``Wordings`` is the desk's part of it (``desk.office``); ``changes_of`` and ``earlier_changes`` are what whoever
composes or reads needs. A new version is used from the next round on. Sentences of earlier versions stay known as
ours: members quote them for months.

Promises. What is kept has been filled in for every way in which the answers branch, and keeps the opening of a
mail to an employer's address neutral. What is not changed follows the programme's files, also when they are renewed.

What it does badly: a change of a sentence that a newer file words otherwise falls away; the list of versions still has it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from desk.office import Conflict, Done, Letter, Sentence, Wording
from mailroom.errors import MailroomError, ProgrammeError
from mailroom.previewing import Previewer
from mailroom.programme import Programme
from notify.compose import Composer, own_template_lines, sample_contexts
from notify.facts import Facts
from notify.passages import passages, worded

if TYPE_CHECKING:
    from mailroom.config import Config
    from store import Store, WordingVersion

__all__ = ["Worded", "Wordings", "changes_of", "earlier_changes"]

FIRST = ("registered", "ask_member", "updated", "review", "withdrawn")  # the commonest answers
REMEMBERED = 20  # versions whose sentences stay known as ours
_OPENING = 255  # characters that a notification or a list of mail shows; Exchange's preview is the longest


def changes_of(version: WordingVersion | None) -> dict[str, str]:
    """What a version says instead of the shipped words, by a passage's id."""
    return {id: said for id, (_, said) in version.changes.items()} if version is not None else {}


def earlier_changes(versions: Sequence[WordingVersion]) -> tuple[Mapping[str, str], ...]:
    """The changes of the versions before the newest, the shipped one among them: mail that says so may still be quoted."""
    found = [changes_of(version) for version in versions[1:REMEMBERED]]
    return (*found, {}) if versions else ()


class Worded:
    """What a running pipeline writes with and knows as ours; ``refresh`` takes up what persons worded anew since, with one small question where nothing was."""

    def __init__(self, programme: Programme, store: Store, use: Callable[[Composer], None], know_own: Callable[[Collection[str]], None]) -> None:
        self.programme, self.store, self.use, self.know_own = programme, store, use, know_own
        self._version = 0

    def refresh(self) -> None:
        version = self.store.wording()
        if (version.version if version is not None else 0) == self._version:
            return
        versions = self.store.wordings()
        folder = self.programme.folder / "replies"
        composer = Composer(folder, changes_of(versions[0]))
        own = {*self.programme.own_lines, *own_template_lines(composer, self.programme.facts)}
        for changes in earlier_changes(versions):
            if changes:
                own.update(own_template_lines(Composer(folder, changes), self.programme.facts))
        self.use(composer)
        self.know_own(sorted(own))
        self._version = versions[0].version


class Wordings:
    def __init__(self, config: Config, store: Store, programme: Callable[[], Programme], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """``programme`` as the files have it, at the first use: files of a running desk change with an upgrade, and that is a restart."""
        assert config.programme.folder is not None  # noqa: S101 - load_config always sets it
        self.config, self.store, self.programme, self.now = config, store, programme, now
        self.folder = Path(config.programme.folder)
        self._lock = threading.Lock()
        self._made: tuple[int, Composer] | None = None

    @property
    def composer(self) -> Composer:
        """What answers are written with now; read anew when a person worded them anew."""
        version = self.store.wording()
        number = version.version if version is not None else 0
        with self._lock:
            if self._made is None or self._made[0] != number:
                self._made = number, Composer(self.folder / "replies", changes_of(version))
            return self._made[1]

    def answers(self) -> tuple[str, ...]:
        names = self._shipped().names
        return tuple(sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)))

    def sentences(self) -> tuple[int, tuple[Sentence, ...]]:
        version = self.store.wording()
        changes = changes_of(version)
        found = passages(self._shipped().files, self.answers())
        sentences = tuple(Sentence(id=one.id, shipped=one.text, text=changes.get(one.id, one.text), answers=one.answers) for one in found)
        return (version.version if version is not None else 0), sentences

    def wordings(self) -> tuple[Wording, ...]:
        versions = self.store.wordings()
        found = []
        for number, version in enumerate(versions):
            before = versions[number + 1].changes if number + 1 < len(versions) else {}
            changed = [id for id in {**before, **version.changes} if before.get(id) != version.changes.get(id)]
            found.append(
                Wording(
                    version=version.version,
                    made_at=version.made_at,
                    who=version.made_by,
                    changes=tuple(_step(before.get(id), version.changes.get(id)) for id in changed),
                    current=number == 0,
                )
            )
        return (*found, Wording(version=0, made_at=None, who="", changes=(), current=not versions))

    def preview_text(self, template: str, changes: Mapping[str, str], reference: str | None) -> Letter:
        composer = Composer(self.folder / "replies", {**changes_of(self.store.wording()), **self._worded(changes)})
        if template not in composer.names:
            raise MailroomError(f"there is no answer «{template}»; there are {', '.join(composer.names)}")
        programme = replace(self.programme(), composer=composer)
        previewer = Previewer(programme, self.config.replies, config=self.config, open_store=lambda: self.store, now=self.now)
        if reference is not None:
            preview = previewer.registration(reference, template)
        else:
            sample = next(previewer.samples(template), None)
            if sample is None:
                raise MailroomError(f"no member of samples.yaml gets «{template}», so there is nothing to show it on; choose an entry of the register")
            preview = sample
        return Letter(recipient=preview.recipient, subject=preview.subject, text=preview.text, whole=preview.text, html=preview.html)

    def wrong_words(self, changes: Mapping[str, str]) -> dict[str, str]:
        wrong = {}
        for id, said in changes.items():
            try:
                self._tried({**changes_of(self.store.wording()), **self._worded({id: said})})
            except MailroomError as error:
                wrong[id] = str(error)
        return wrong

    def reword(self, changes: Mapping[str, str], *, seen_version: int, who: str) -> Done:
        version = self.store.wording()
        shipped = {one.id: one.text for one in passages(self._shipped().files)}
        before = dict(version.changes) if version is not None else {}
        kept = dict(before)
        for id, said in self._worded(changes).items():
            if said == shipped[id]:
                kept.pop(id, None)
            else:
                kept[id] = (shipped[id], said)
        if kept == before:
            return Done(deed=None, said="Nothing was changed: the sentences say that already.")
        self._tried({id: said for id, (_, said) in kept.items()})
        number = self._added(kept, seen_version, who)
        count = sum(before.get(id) != kept.get(id) for id in {**before, **kept})
        return Done(deed=None, said=f"{count} sentence{'s' if count != 1 else ''} changed. New answers say so from now on (version {number}).")

    def restore_wording(self, version: int, *, seen_version: int, who: str) -> Done:
        wanted = next((one.changes for one in self.store.wordings() if one.version == version), {} if version == 0 else None)
        if wanted is None:
            raise MailroomError(f"there is no version {version} of the reply texts")
        current = self.store.wording()
        if wanted == (current.changes if current is not None else {}):
            return Done(deed=None, said="Nothing was changed: the answers say that already.")
        self._tried({id: said for id, (_, said) in wanted.items()})
        number = self._added(wanted, seen_version, who)
        return Done(deed=None, said=f"The answers say again what version {version} said (version {number}).")

    def _added(self, changes: Mapping[str, tuple[str, str]], seen: int, who: str) -> int:
        number = self.store.add_wording(changes, seen, self.now(), actor=who)
        if number is None:
            newest = self.store.wording()
            by = newest.made_by if newest is not None else ""
            raise Conflict(f"{by or 'Somebody'} changed the reply texts meanwhile; look at what they say now.", who=by)
        return number

    def _worded(self, changes: Mapping[str, str]) -> dict[str, str]:
        known = {one.id: one for one in passages(self._shipped().files)}
        if unknown := [id for id in changes if id not in known]:
            raise MailroomError(f"there is no sentence «{unknown[0]}» any more; the programme's files have changed, open the page again")
        return {id: worded(known[id], said) for id, said in changes.items()}

    def _tried(self, changes: Mapping[str, str]) -> Composer:
        """The composer with these changes, after it has filled in each answer in each of its branches."""
        composer = Composer(self.folder / "replies", changes)
        facts = self.programme().facts
        contexts = sample_contexts(facts)
        try:
            for _ in composer.samples(contexts):
                pass
        except ProgrammeError as error:
            raise MailroomError(f"an answer could not be written with that: {error}") from error
        telling = _telling(facts)
        for context in contexts:
            if not context.employer_address:
                continue
            for name in composer.names:
                rendered = composer.render(name, context)
                opening = f"{rendered.subject} {' '.join(rendered.text.split())[:_OPENING]}"
                if said := telling.search(opening):
                    raise MailroomError(
                        f"«{said[0]}» would stand at the beginning of a mail to a work address, where an employer may see it; "
                        "the first sentence for work addresses must not name the programme or the union"
                    )
        return composer

    def _shipped(self) -> Composer:
        return self.programme().composer


def _telling(facts: Facts) -> re.Pattern[str]:
    """What gives the sender away: the longer words in the names of programme and organisation, the organisation's initials, and «union»."""
    names = f"{facts.name} {facts.short_name} {facts.organisation}"
    initials = [word for word in re.findall(r"\w+", names) if word.isupper()]
    words = {word.casefold() for word in re.findall(r"\w+", names) if len(word) > 5 or word in initials} | {"union"}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\w*", re.IGNORECASE)


def _step(before: tuple[str, str] | None, after: tuple[str, str] | None) -> tuple[str, str]:
    """What a sentence said, and says; the shipped words where it was not, or is no longer, changed."""
    shipped = (before or after or ("", ""))[0]
    return (before[1] if before else shipped), (after[1] if after else shipped)
