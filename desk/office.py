"""What the desk asks of the house: the one interface between the pages and the rest of mailroom.

The pages look things up in the store by themselves. Whatever needs the programme's knowledge (is this a council?
which schools are called like that?) or composes mail goes through an ``Office``; ``mailroom.office`` has the real
one. Nothing here sends: an answer is written into the outbox, and the next round takes it.

Promises of every deed. It is one durable transaction, in the name of the person who did it, with its line in the
history. It is done to the revision that the person saw: where somebody else was quicker, nothing is done and
``Conflict`` says so. It can be undone by its number as long as nothing later builds on it and no mail has left.

Errors: Conflict; ``mailroom.errors.MailroomError`` with words for the person (an unknown council, an empty text).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from mailroom.errors import MailroomError
from mailroom.model import ReplyState

if TYPE_CHECKING:
    from store import RegressionCase

__all__ = [
    "Alias",
    "Bulk",
    "Choice",
    "Conflict",
    "Dismissal",
    "Done",
    "Effect",
    "Letter",
    "Offer",
    "Office",
    "Place",
    "Prospect",
    "Sentence",
    "Tile",
    "Trial",
    "Wording",
    "Words",
]


class Conflict(MailroomError):
    """Somebody else was quicker; nothing was done. ``now_at`` is the revision that stands now, by ``who``."""

    def __init__(self, message: str, *, now_at: int | None = None, who: str = "") -> None:
        super().__init__(message)
        self.now_at, self.who = now_at, who


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A value of programme data: ``letter`` is the one that our questions give it (a, b, ...), "" where it has none."""

    id: str
    label: str
    letter: str = ""
    short: str = ""  # for lists: «19 Jan 2022, 14:00»; "" where the label is short enough


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A school or college of the lists. ``council`` and ``town`` are "" where unknown; ``unlisted`` ones were accepted by their form."""

    name: str
    kind: str  # school or college
    council: str
    town: str
    also: tuple[str, ...] = ()  # other names that find it


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """Where a council lies on a map of equal tiles. ``short`` is its name where there is no room for the whole one."""

    council: str
    short: str
    row: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What the programme calls things."""

    programme: str
    timezone: str  # of every time on a page, such as Europe/London
    activities: tuple[Choice, ...]
    sessions: tuple[Choice, ...]
    councils: tuple[Choice, ...]  # id and label are the short form that the register keeps
    themes: tuple[Choice, ...]
    tiles: tuple[Tile, ...] = ()  # none where the programme has no map


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """Something to remember after a correction: «``written`` means ``means``», in ``council`` or ("") everywhere.

    A person may edit ``written`` and ``council`` before it is remembered. ``stands_in``: the council of the institution.
    """

    written: str
    means: str
    council: str
    kind: str = "institution"  # or authority, domain (of e-mail addresses: ``means`` is the institution), activity
    stands_in: str = ""
    caution: str = ""  # what to think of first, in words; "" where nothing speaks against it


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A message that would be read otherwise. ``before`` and ``after`` have the values by field that differ, labels as the register has them."""

    message_id: int
    registration_id: str | None
    sender: str
    subject: str
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    settles: bool  # it needed the member or a person, and would not have


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What an offer would change among the latest messages, the correction's own left out."""

    looked_at: int
    effects: tuple[Effect, ...]
    said: str  # «would also change 2 others» in words
    spoils: tuple[str, ...] = ()  # registrations that a person confirmed, and that would be read wrongly then
    caution: str = ""  # what to think of first, in words, as an offer has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A deed. ``deed`` is its number, for undo (None: nothing differed, so nothing was done)."""

    deed: int | None
    said: str  # what was done, as the page tells it
    offers: tuple[Offer, ...] = ()
    about: str = ""  # the registration that was made
    alias: int | None = None  # what was remembered: taken back by ``forget``


@dataclass(frozen=True, kw_only=True, slots=True)
class Bulk:
    """The same for many entries: accept, withdraw, release (their held answers), not_ours, spam; or add, remove or set a ``value`` of a ``field``."""

    what: str
    field: str = ""
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """What a bulk deed would do to an entry as it stands at ``revision``: ``change`` in words, or ``why`` it is left as it is."""

    id: str
    revision: int
    change: str = ""
    why: str = ""


class Dismissal:
    """Why a message is not for the register."""

    NOT_OURS = "not_ours"
    SPAM = "spam"


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """Mail to a member, before it is written into the outbox. ``text`` is what a person may edit; ``whole`` is all that goes out, as text."""

    recipient: str
    subject: str
    text: str
    whole: str
    html: str = ""  # as its reader sees it, where it is shown so


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias:
    """A remembered alias. ``hits``: messages that it helped to read."""

    id: int
    written: str
    means: str
    council: str
    made_at: datetime
    made_by: str
    registration_id: str | None
    forgotten_at: datetime | None
    forgotten_by: str
    hits: int
    kind: str = "institution"
    stands_in: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A passage of the reply texts: ``shipped`` as the programme's files have it, ``text`` as it is now.

    ``{a name}`` in it is filled in for each member. ``answers`` are the templates that say it.
    """

    id: str
    shipped: str
    text: str
    answers: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.text != self.shipped


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """A version of all reply texts. ``changes``: (before, after) of each sentence that this version changed; version 0 is the shipped one."""

    version: int
    made_at: datetime | None
    who: str
    changes: tuple[tuple[str, str], ...]
    current: bool


class Office(Protocol):
    """``who`` is the person's account name in every deed; ``reference`` a registration's id; ``revision`` the one that was seen."""

    @property
    def words(self) -> Words: ...

    def opened_by(self, token: str) -> str:
        """What a link of the digest shows: a registration's id, or ``message-NUMBER``. MailroomError says why it opens nothing."""

    def places(self, query: str, *, limit: int = 20) -> tuple[Place, ...]:
        """Schools and colleges of the whole gazetteer for what a person typed: name, initials, town or council; the likeliest first."""

    # --- deeds on registrations

    def correct(
        self,
        reference: str,
        revision: int,
        changes: Mapping[str, Sequence[str]],
        cleared: Sequence[str] = (),
        *,
        who: str,
        settle: bool = True,
        tell: bool = False,
    ) -> Done:
        """Set fields (institution, authority, activity, topic, session) to these values, empty others. With ``settle`` it is accepted
        with that where nothing is missing any more, and its messages that wait for a person are done.

        Name only what is changed or confirmed: what is named is the person's word from then on. Where the school stands in one
        council alone and none is there, the council comes with it, and ``said`` says so. With ``tell`` an entry that is registered
        by it is told to its member as it stands now, in the same deed: held or due, as the answers of a round are.
        """

    def accept(self, reference: str, revision: int, *, who: str, incomplete: bool = False, tell: bool = False) -> Done:
        """It stands as it is. Raises MailroomError naming what is missing, unless ``incomplete``. ``tell``: as for ``correct``."""

    def withdraw(self, reference: str, revision: int, *, who: str) -> Done: ...

    def reopen(self, reference: str, revision: int, *, who: str) -> Done:
        """Back to «needs a person»: from withdrawn or dismissed too."""

    def merge(self, reference: str, revision: int, into: str, into_revision: int, *, who: str) -> Done:
        """The same member wrote twice: messages, addresses and values that the other lacks go over; this one is «merged» and points to it."""

    def enter(self, message_id: int, changes: Mapping[str, Sequence[str]], *, who: str) -> Done:
        """Make a registration from a message that has none, with these values; «done.said» names it."""

    def add(self, name: str, address: str, changes: Mapping[str, Sequence[str]], *, who: str) -> Done:
        """Make a registration of a member who did not write (they rang); ``about`` names it. Nothing is sent. Mail that comes from
        ``address`` ("" where they gave none) continues it."""

    # --- deeds on many at once

    def prospects(self, bulk: Bulk, ids: Sequence[str]) -> tuple[Prospect, ...]:
        """What it would do to each of these, in their order. MailroomError where the value is none that the programme knows."""

    def do_many(self, bulk: Bulk, seen: Mapping[str, int], *, who: str) -> Done:
        """Do it, as one deed, to all that stand at the revision that was seen; ``said`` tells of the others."""

    # --- deeds on messages

    def dismiss(
        self, message_ids: Sequence[int], why: str, *, who: str, seen: Mapping[str, int] | None = None, touched: Mapping[int, int] | None = None
    ) -> Done:
        """Not ours, or spam (``Dismissal``): ignored, a registration that rests on nothing else goes with it, and its unsent answers are parked.

        ``seen``: their registrations at the revisions that were seen; Conflict where one is at another by now. ``touched``: messages
        with the ``touched`` of the record that was seen; Conflict where somebody has done something about one since.
        """

    def settle(self, message_ids: Sequence[int], *, who: str) -> Done:
        """A person has dealt with these otherwise."""

    def read_again(self, message_ids: Sequence[int], *, who: str) -> Done:
        """Quarantined or reviewed messages go back to «not read yet»; the next round reads them."""

    # --- mail

    def question(self, reference: str, fields: Sequence[str], text: str | None = None) -> Letter:
        """What asking the member for these fields would look like; ``text`` replaces the editable part."""

    def ask(self, reference: str, revision: int, fields: Sequence[str], text: str, *, who: str) -> Done:
        """Write that question into the outbox, due; the registration waits for the member."""

    def answer(self, message_id: int, subject: str, text: str, *, who: str, touched: int | None = None) -> Done:
        """An answer by hand to a message, due, in its thread; the message is settled. Header injection is refused here.

        ``touched``: that of the record that was seen; Conflict where somebody has answered it, or done something else about it, since.
        """

    def release(self, reply_ids: Sequence[int], *, who: str, states: Sequence[ReplyState] | None = None) -> Done:
        """Held or parked answers become due. ``states``: those that they were seen in; what is in another by now stays as it is."""

    def park(self, reply_ids: Sequence[int], *, who: str) -> Done:
        """Held or due answers are not to go."""

    # --- undo

    def undo(self, deed: int, *, who: str) -> Done:
        """Take back a deed, whole; Conflict where something later builds on it, MailroomError where its mail has left."""

    # --- what corrections teach

    def try_out(self, offer: Offer, *, registration_id: str | None, last: int = 500) -> Trial:
        """What it would change among the last messages; nothing is written. MailroomError says why it cannot be remembered."""

    def remember(self, offer: Offer, *, registration_id: str | None, who: str) -> Done:
        """From the next message on it is known, without a restart. MailroomError says why it cannot be remembered."""

    def forget(self, alias: int, *, who: str) -> Done:
        """``Done.deed`` of both is None: what was remembered is taken back by «forget»."""

    def aliases(self) -> tuple[Alias, ...]:
        """All, the newest first, also those that were forgotten."""

    def cases(self) -> tuple[RegressionCase, ...]:
        """The regression set with its last measurement: first what is wrong, then what was not measured, then the newest."""

    def measure_cases(self) -> tuple[RegressionCase, ...]:
        """Read all cases with the rules as they are now, keep what came of it, and give them as ``cases`` does."""

    # --- reply texts

    def answers(self) -> tuple[str, ...]:
        """The templates that there are, the commonest first."""

    def sentences(self) -> tuple[int, tuple[Sentence, ...]]:
        """The version that stands now, and its sentences in the order in which the answers say them."""

    def wordings(self) -> tuple[Wording, ...]:
        """All versions, the newest first; the shipped one last."""

    def preview_text(self, template: str, changes: Mapping[str, str], reference: str | None) -> Letter:
        """The answer with these sentences (new words by id) besides what is changed already, on a real registration or (None) a made-up one."""

    def wrong_words(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Why these new words cannot be kept, by a sentence's id; {} where each of them could."""

    def reword(self, changes: Mapping[str, str], *, seen_version: int, who: str) -> Done:
        """A new version with these sentences changed; the shipped words take a change back. Conflict where ``seen_version`` is not the newest."""

    def restore_wording(self, version: int, *, seen_version: int, who: str) -> Done:
        """A new version that says what that one said."""
