"""Whoever accepts an entry may let its member know in the same deed: once, how it stands now, in their thread, and taken back with it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from mailroom.model import ReplyState
from store import Registration, RegistrationState, Reply
from tests.fixtures.desk import House


def waiting(house: House) -> Registration:
    """Somebody who registered and asked something: a person is to look."""
    return next(one for one in house.store.registrations((RegistrationState.REVIEW,)) if not one.missing and one.values_of("topic"))


def replies(house: House, registration: Registration) -> tuple[Reply, ...]:
    conversation = house.store.conversation(registration.id)
    assert conversation is not None
    return conversation.replies


def mail_of(house: House, reply: Reply) -> Any:
    content = house.store.reply_content(reply.id)
    assert content is not None
    return message_from_bytes(content, policy=default)


def test_an_accepted_entry_is_told_as_it_stands_in_the_members_thread(house: House) -> None:
    registration = waiting(house)
    (before,) = replies(house, registration)
    done = house.office.accept(registration.id, registration.revision, who="moira", tell=True)
    assert done.said.endswith("The answer that says so is held with the others.")
    old, told = replies(house, registration)
    assert (old.id, old.state, old.template) == (before.id, ReplyState.SUPPRESSED, "review")
    assert (told.template, told.state, told.message_id) == ("registered", ReplyState.HELD, registration.messages[-1])
    mail = mail_of(house, told)
    assert registration.values_of("topic")[0] in mail.get_body(("plain",)).get_content()
    message = house.store.message(registration.messages[-1])
    assert message is not None
    assert mail["In-Reply-To"] == message.identifiers[0]
    assert mail["Auto-Submitted"] == "auto-replied"


def test_undo_takes_the_letter_back_with_the_rest(house: House) -> None:
    registration = waiting(house)
    done = house.office.accept(registration.id, registration.revision, who="moira", tell=True)
    assert done.deed is not None
    house.office.undo(done.deed, who="moira")
    again = house.store.registration(registration.id)
    assert again is not None
    assert again.state is RegistrationState.REVIEW
    old, told = replies(house, registration)
    assert (old.state, told.state) == (ReplyState.HELD, ReplyState.SUPPRESSED)


def test_nobody_is_told_unless_it_is_said(house: House) -> None:
    registration = waiting(house)
    house.office.accept(registration.id, registration.revision, who="moira")
    assert [reply.template for reply in replies(house, registration)] == ["review"]


def test_a_correction_that_registers_is_told_with_the_corrected_values(house: House) -> None:
    registration = waiting(house)
    house.office.correct(registration.id, registration.revision, {"topic": ["skipping ropes"]}, who="moira", tell=True)
    told = replies(house, registration)[-1]
    assert "skipping ropes" in mail_of(house, told).get_body(("plain",)).get_content()


def test_a_correction_before_it_has_left_overtakes_what_it_says(house: House) -> None:
    registration = waiting(house)
    house.office.accept(registration.id, registration.revision, who="moira", tell=True)
    now = house.store.registration(registration.id)
    assert now is not None
    house.office.correct(now.id, now.revision, {"topic": ["skipping ropes"]}, who="moira", tell=True)
    assert [reply.state for reply in replies(house, registration)] == [ReplyState.SUPPRESSED, ReplyState.SUPPRESSED, ReplyState.HELD]
    first = replies(house, registration)[1]
    assert house.office.release([first.id], who="moira").deed is None  # what it says is not so any more


def test_whoever_heard_it_before_hears_that_it_was_changed(house: House) -> None:
    registration = next(one for one in house.store.registrations((RegistrationState.REGISTERED,)))
    (reply,) = replies(house, registration)
    house.store.release([reply.id], house.office.now())
    assert house.store.claim(reply.id, house.office.now()) is not None
    assert house.store.mark_sent(reply.id, house.office.now())
    house.office.correct(registration.id, registration.revision, {"topic": ["skipping ropes"]}, who="moira", tell=True)
    assert [one.template for one in replies(house, registration)] == ["registered", "updated"]


@pytest.mark.parametrize("mode", ["gone", "early"])
def test_where_nobody_can_be_told_the_entry_is_accepted_and_it_is_said(house: House, mode: str) -> None:
    registration = waiting(house)
    if mode == "gone":
        (reply,) = replies(house, registration)
        house.store.release([reply.id], house.office.now())
        assert house.store.claim(reply.id, house.office.now()) is not None
        house.store.mark_dead(reply.id, "550 no such user", house.office.now(), gone="5.1.1")
    else:
        late = house.config.replies.model_copy(update={"not_before": house.office.now()})
        house.office.writing.config = house.config.model_copy(update={"replies": late})
    done = house.office.accept(registration.id, registration.revision, who="moira", tell=True)
    assert "Nobody was told" in done.said
    after = house.store.registration(registration.id)
    assert after is not None
    assert after.state is RegistrationState.REGISTERED
    assert [reply.template for reply in replies(house, registration)] == ["review"]
