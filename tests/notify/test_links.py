"""Signed links: they open what they were made for until they end, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.links import LinkError, look_link, look_token, verified

SECRET = b"s" * 32
NOW = datetime(2022, 1, 10, 7, 30, tzinfo=UTC)
UNTIL = NOW + timedelta(days=7)
REGISTRATION = "R-ABCDEFGHIJKLMN27"


@pytest.mark.parametrize("what", [REGISTRATION, "message-1", "message-1234567"])
def test_a_link_opens_what_it_was_made_for_until_it_ends(what: str) -> None:
    token = look_token(SECRET, what, until=UNTIL)
    assert verified(SECRET, token, now=NOW) == what
    assert verified(SECRET, token, now=UNTIL - timedelta(seconds=1)) == what
    for later in (UNTIL, UNTIL + timedelta(days=400)):
        with pytest.raises(LinkError, match="has ended"):
            verified(SECRET, token, now=later)
    assert look_link("https://desk.example/mail/", SECRET, what, until=UNTIL) == f"https://desk.example/mail/look/{token}"


def test_neither_what_nor_when_can_be_changed_and_another_house_has_other_links() -> None:
    token = look_token(SECRET, "message-12", until=UNTIL)
    what, end, mac = token.split(".")
    wrong = [
        f"message-13.{end}.{mac}",
        f"{what}.{int(end) + 1}.{mac}",
        f"{what}.{end}.{mac[:-1]}{'a' if mac[-1] != 'a' else 'b'}",
        f"{what}.{end}.{mac[:-1]}",
        f"{what}.0{end}.{mac}",
        f"{what}.{end}",
        token.upper(),
        token + " ",
        token + "\n",
        "",
    ]
    for one in wrong:
        with pytest.raises(LinkError, match="not one of ours"):
            verified(SECRET, one, now=NOW)
    with pytest.raises(LinkError):
        verified(b"t" * 32, token, now=NOW)


def test_a_token_for_something_else_under_the_same_secret_is_no_link() -> None:
    """The key is derived: what signs a reply address signs no link, even of the same words."""
    import hashlib
    import hmac

    body = f"message-12.{int(UNTIL.timestamp())}"
    plain = hmac.new(SECRET, body.encode(), hashlib.sha256).hexdigest()[:32]
    with pytest.raises(LinkError):
        verified(SECRET, f"{body}.{plain}", now=NOW)


@given(st.text(max_size=120))
def test_no_text_is_taken_for_a_link_or_breaks_it(text: str) -> None:
    with pytest.raises(LinkError):
        verified(SECRET, text, now=NOW)


@pytest.mark.parametrize("what", ["", "R-1", "message-0", "message-01", "message-1.9999999999", "../etc", "R-abcdefghijklmn27"])
def test_only_messages_and_registrations_have_links(what: str) -> None:
    with pytest.raises(ValueError, match="no link"):
        look_token(SECRET, what, until=UNTIL)


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        look_token(b"", "message-1", until=UNTIL)
