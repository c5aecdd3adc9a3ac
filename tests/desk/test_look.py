"""A link of the digest opens its one message or entry, for reading, without a password, until it ends; and nothing else."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest

from desk import looks
from desk.routing import Role
from notify.links import look_token
from tests.desk.test_security import check_headers
from tests.fixtures.desk import House


def token_of(house: House, what: str, *, lasts: timedelta = timedelta(days=7)) -> str:
    return look_token(house.store.secret(), what, until=datetime.now(UTC) + lasts)


def test_an_entry_is_read_without_a_password_and_the_look_is_noted(house: House) -> None:
    looks._written.clear()
    one = next(entry for entry in house.store.registrations() if entry.member_name and entry.messages)
    answer = house.client(None).get(f"/look/{token_of(house, one.id)}")
    assert answer.status_code == 200
    check_headers(answer.headers)
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    said = html.unescape(answer.text)
    assert one.member_name in said
    assert all(value in said for value in one.values_of("institution"))
    assert "set-cookie" not in answer.headers
    [line] = house.store.people.audit(person="by link", since=datetime.now(UTC) - timedelta(minutes=5))
    assert (line.event, line.registration_id) == ("viewed", one.id)


def test_a_message_is_too(house: House) -> None:
    looks._written.clear()
    message = next(record.message for one in house.store.messages() if (record := house.store.message(one.id)) is not None and not record.registrations)
    answer = house.client(None).get(f"/look/{token_of(house, f'message-{message.id}')}")
    assert answer.status_code == 200
    assert (message.sender_address or "") in html.unescape(answer.text)
    [line] = house.store.people.audit(person="by link", since=datetime.now(UTC) - timedelta(minutes=5))
    assert (line.event, line.message_id) == ("viewed", message.id)


def test_nothing_can_be_done_or_reached_from_it(house: House) -> None:
    client = house.client(None)
    for one in list(house.store.registrations())[:10]:
        where = f"/look/{token_of(house, one.id)}"
        page = client.get(where).text
        assert "<form" not in page and "<iframe" not in page and "csrf" not in page
        for link in set(re.findall(r'(?:href|src|data-live)="(/[^"]*)"', page)):
            if not link.startswith("/static/"):
                assert client.get(link).headers.get("location", "").startswith("/login"), link
        assert client.post(where).status_code == 405


def test_it_is_the_look_of_whoever_is_logged_in(house: House) -> None:
    looks._written.clear()
    one = next(iter(house.store.registrations()))
    house.client(Role.VIEWER).get(f"/look/{token_of(house, one.id)}")
    assert house.store.people.audit(person="by link") == ()
    assert [line.registration_id for line in house.store.people.audit(person="moira-viewer", looks=True)] == [one.id]


def test_a_link_that_ended_or_was_changed_opens_nothing(house: House) -> None:
    first, second = list(house.store.registrations())[:2]
    ended, good = token_of(house, first.id, lasts=timedelta(seconds=-1)), token_of(house, first.id)
    of_another = look_token(b"another house's secret", first.id, until=datetime.now(UTC) + timedelta(days=7))
    for token, told in (
        (ended, "has ended"),
        (good.replace(first.id, second.id), "not one of ours"),
        (of_another, "not one of ours"),
        ("x", "not one of ours"),
    ):
        answer = house.client(None).get(f"/look/{token}")
        assert (answer.status_code, told in answer.text) == (404, True)
        assert first.member_name not in answer.text
        check_headers(answer.headers)
    assert house.store.people.audit(person="by link") == ()


@pytest.mark.parametrize("what", ["R-AAAAAAAAAAAAAAAA", "message-99999", "message-999999999999999999"])
def test_behind_a_link_there_may_be_nothing(house: House, what: str) -> None:
    answer = house.client(None).get(f"/look/{token_of(house, what)}")
    assert (answer.status_code, "nothing behind this link" in answer.text) == (404, True)
