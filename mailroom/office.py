"""The office: what the desk asks of the house (``desk.office``), and what the command line does by the same code.

``HouseOffice(config, store)`` serves every page and any number of threads. It takes no worker's lock: a deed is one
transaction of the store (``store.deeds``), guarded by the revision that its person saw, and gives way to a round.

Promises are those of ``desk.office``. Nothing here sends; the next round does.

What it does badly: programme data that change on the disk are known after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.office import Alias, Case, Done, Letter, Offer, Place, Sentence, Trial, Wording, Words
from mailroom.officework.knowledge import Knowledge
from mailroom.wordings import Wordings

if TYPE_CHECKING:
    from mailroom.config import Config
    from mailroom.remembering import Remembering
    from store import Store

__all__ = ["HouseOffice"]


class HouseOffice:
    """The real ``desk.office.Office``."""

    def __init__(self, config: Config, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config, self.store, self.now = config, store, now
        self.knowledge = Knowledge(config)
        self.texts = Wordings(config, store, now=now)

    @property
    def words(self) -> Words:
        return self.knowledge.words

    def places(self, query: str, *, limit: int = 20) -> tuple[Place, ...]:
        return self.knowledge.places.find(query, limit=limit)

    # --- what corrections teach

    @property
    def remembering(self) -> Remembering:
        return self.knowledge.once("remembering", lambda: _remembering(self.config, self.store, self.now))

    def try_out(self, offer: Offer, *, registration_id: str | None, last: int = 500) -> Trial:
        return self.remembering.try_out(offer, registration_id=registration_id, last=last)

    def remember(self, offer: Offer, *, registration_id: str | None, who: str) -> Done:
        return self.remembering.remember(offer, registration_id=registration_id, who=who)

    def forget(self, alias: int, *, who: str) -> Done:
        return self.remembering.forget(alias, who=who)

    def aliases(self) -> tuple[Alias, ...]:
        return self.remembering.aliases()

    def cases(self) -> tuple[Case, ...]:
        return self.remembering.cases()

    def measure_cases(self) -> tuple[Case, ...]:
        return self.remembering.measure_cases()

    # --- reply texts

    def answers(self) -> tuple[str, ...]:
        return self.texts.answers()

    def sentences(self) -> tuple[int, tuple[Sentence, ...]]:
        return self.texts.sentences()

    def wordings(self) -> tuple[Wording, ...]:
        return self.texts.wordings()

    def preview_text(self, template: str, changes: Mapping[str, str], reference: str | None) -> Letter:
        return self.texts.preview_text(template, changes, reference)

    def wrong_words(self, changes: Mapping[str, str]) -> dict[str, str]:
        return self.texts.wrong_words(changes)

    def reword(self, changes: Mapping[str, str], *, seen_version: int, who: str) -> Done:
        return self.texts.reword(changes, seen_version=seen_version, who=who)

    def restore_wording(self, version: int, *, seen_version: int, who: str) -> Done:
        return self.texts.restore_wording(version, seen_version=seen_version, who=who)


def _remembering(config: Config, store: Store, now: Callable[[], datetime]) -> Remembering:
    from mailroom.remembering import of_installation

    return of_installation(config, store, now=now)
