"""Reply texts in a person's words: versions, previews on real entries, and what is not let through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from desk.office import Conflict
from mailroom.assemble import assemble
from mailroom.checks import run_checks
from mailroom.errors import MailroomError
from mailroom.model import ZoneKind
from mailroom.wordings import Wordings, changes_of, earlier_changes
from tests.fixtures.desk import House


@pytest.fixture
def wordings(house: House) -> Wordings:
    return house.office.texts


def sentence(wordings: Wordings, words: str) -> str:
    return next(one.id for one in wordings.sentences()[1] if words in one.text)


def test_a_new_version_is_what_answers_say_and_the_old_one_can_be_had_back(wordings: Wordings) -> None:
    thanks = sentence(wordings, "You are on the list, and you need not send your message again")
    before = wordings.preview_text("registered", {}, None).text
    done = wordings.reword({thanks: "Lovely to hear from you! You are on the list of the {short name}."}, seen_version=0, who="moira")
    assert done.said.startswith("1 sentence changed")
    after = wordings.preview_text("registered", {}, None)
    assert "Lovely to hear from you! You are on the list of the EIS action research programme." in after.text
    assert "Lovely to hear from you!" in after.html
    assert wordings.composer.changes == changes_of(wordings.store.wording())
    version, sentences = wordings.sentences()
    assert version == 1
    assert [one.id for one in sentences if one.changed] == [thanks]
    wordings.restore_wording(0, seen_version=1, who="moira")
    assert wordings.preview_text("registered", {}, None).text == before
    versions = [(one.version, one.who, len(one.changes), one.current) for one in wordings.wordings()]
    assert versions == [(2, "moira", 1, True), (1, "moira", 1, False), (0, "", 0, False)]
    assert wordings.wordings()[0].changes[0] == tuple(reversed(wordings.wordings()[1].changes[0]))


def test_the_shipped_words_typed_again_take_a_change_back(wordings: Wordings) -> None:
    contact = sentence(wordings, "For anything else")
    shipped = next(one.shipped for one in wordings.sentences()[1] if one.id == contact)
    wordings.reword({contact: "Write to us."}, seen_version=0, who="moira")
    wordings.reword({contact: shipped}, seen_version=1, who="moira")
    assert wordings.store.wording().changes == {}  # type: ignore[union-attr]
    assert wordings.reword({contact: shipped}, seen_version=2, who="moira").said.startswith("Nothing was changed")


def test_of_two_who_reword_at_once_one_is_told(wordings: Wordings) -> None:
    contact = sentence(wordings, "For anything else")
    wordings.reword({contact: "Write to us."}, seen_version=0, who="moira")
    with pytest.raises(Conflict, match="moira changed the reply texts meanwhile"):
        wordings.reword({contact: "Call us."}, seen_version=0, who="ewan")
    assert len(wordings.wordings()) == 2


def test_a_preview_shows_a_real_entry_and_keeps_nothing(wordings: Wordings, house: House) -> None:
    registration = next(one for one in house.store.registrations() if one.state == "registered")
    thanks = sentence(wordings, "You are on the list, and you need not send your message again")
    shown = wordings.preview_text("registered", {thanks: "Hello from the {short name}."}, registration.id)
    assert registration.member_address in shown.recipient
    assert "Hello from the EIS action research programme." in shown.text
    assert wordings.sentences()[0] == 0


def test_a_work_address_is_not_told_whose_mail_it_is(wordings: Wordings) -> None:
    sentences = [one for one in wordings.sentences()[1] if "registered" in one.answers]
    opening = next(one for one in sentences if one.text.startswith("Thank you for your message. It has arrived safely"))
    with pytest.raises(MailroomError, match="«EIS» would stand at the beginning of a mail to a work address"):
        wordings.reword({opening.id: "Thank you for writing to the EIS."}, seen_version=0, who="moira")
    assert wordings.sentences()[0] == 0


def test_strange_sentences_and_versions_are_refused(wordings: Wordings) -> None:
    with pytest.raises(MailroomError, match="there is no sentence «nix»"):
        wordings.reword({"nix": "Hello."}, seen_version=0, who="moira")
    with pytest.raises(MailroomError, match="no version 7"):
        wordings.restore_wording(7, seen_version=0, who="moira")
    with pytest.raises(MailroomError, match="there is no answer «nix»"):
        wordings.preview_text("nix", {}, None)


def test_sentences_of_earlier_versions_stay_known_as_ours(wordings: Wordings, make_house: Callable[[], House]) -> None:
    contact = sentence(wordings, "For anything else")
    wordings.reword({contact: "Write to us about anything at all that you like."}, seen_version=0, who="moira")
    wordings.reword({contact: "Ask us whatever comes to your mind at any time."}, seen_version=1, who="moira")
    assert [dict(one) for one in earlier_changes(wordings.store.wordings())] == [{contact: "Write to us about anything at all that you like."}, {}]


LETTER = """\
From: Una Tosh <{id}.tosh@example.net>
To: car@union.example
Subject: {subject}
Message-ID: <{id}@example.net>
Date: Mon, 10 Jan 2022 09:00:00 +0000
Content-Type: text/plain; charset=utf-8

{body}
"""


def test_the_next_round_answers_in_the_new_words_and_knows_them_when_they_are_quoted(house: House, wordings: Wordings) -> None:
    """Without a restart; and words of the version before are ours as well."""
    pipeline = assemble(house.config, house.store, sessions_at=datetime(2022, 1, 10, tzinfo=UTC))
    contact = sentence(wordings, "For anything else")
    body = "I teach at Glenmarnoch Primary School in Fife. I have done an enquiry of my own on spelling and would like others to join me."
    for number, said in enumerate(("Ring the office of the programme on any weekday you like.", "Send us a note about whatever it is.")):
        wordings.reword({contact: said}, seen_version=number, who="moira")
        house.deliver(f"una{number}", LETTER.format(subject="Research", id=f"una{number}", body=f"{body} ({number})").encode())
        with house.store.exclusive(timeout=10):
            pipeline.round()
        answered = house.store.message(f"<una{number}@example.net>")
        assert answered is not None
        content = house.store.reply_content(answered.replies[-1].id)
        assert content is not None
        assert said in message_from_bytes(content, policy=default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    quoted = "Thanks! Yes, that is right.\n\n> Ring the office of the programme on any weekday you like.\n> Send us a note about whatever it is.\n"
    house.deliver("una9", LETTER.format(subject="Re: Research", id="una9", body=quoted).encode())
    with house.store.exclusive(timeout=10):
        pipeline.round()
    record = house.store.message("<una9@example.net>")
    assert record is not None
    parsed = record.readings[-1].reading.parsed
    kinds = {parsed.body[zone.start : zone.end].strip(): zone.kind for zone in parsed.zones}
    assert [kind for text, kind in kinds.items() if "Ring the office" in text or "Send us a note" in text] == [ZoneKind.OWN_QUOTE]


def test_check_says_that_words_of_ones_own_are_in_use(house: House, wordings: Wordings) -> None:
    wordings.reword({sentence(wordings, "For anything else"): "Write to us."}, seen_version=0, who="moira")
    house.store.add_wording({"0123456789ab": ("Old words.", "New words.")}, 1, datetime.now(UTC), actor="moira")
    told = [one.text for one in run_checks(house.config) if one.part == "store"]
    assert told[1] == (
        "version 2 of the reply texts: 1 sentences in words of your own; 1 of them replaced what the files no longer say, and are not used: "
        "word them anew at the desk"
    )
