"""The octets of a login by token, as RFC 7628 and Google's XOAUTH2 say."""

from __future__ import annotations

import pytest

from mailroom.sasl import Challenge, choose, error_answer, initial_response, read_challenge


def test_oauthbearer_is_as_in_rfc_7628() -> None:
    """The example of section 4.1, with the user that its text names."""
    first = initial_response("OAUTHBEARER", user="user@example.com", token="vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", host="server.example.com", port=143)
    assert first == b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"


def test_a_name_with_the_characters_that_separate_is_written_by_rfc_5801() -> None:
    first = initial_response("OAUTHBEARER", user="a=b,c@x.example", token="t", host="h", port=1)
    assert first.startswith(b"n,a=a=3Db=2Cc@x.example,\x01")


def test_xoauth2_is_as_google_says() -> None:
    first = initial_response("XOAUTH2", user="someuser@example.com", token="ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", host="h", port=1)
    assert first == b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"


@pytest.mark.parametrize(("user", "token"), [("a\x01auth=Bearer x", "t"), ("a", "t\r\nA1 LOGOUT"), ("a\0b", "t")])
def test_no_field_can_be_slipped_in(user: str, token: str) -> None:
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        with pytest.raises(ValueError, match="control character"):
            initial_response(mechanism, user=user, token=token, host="h", port=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["PLAIN", "XOAUTH2", "OAUTHBEARER"], "OAUTHBEARER"),
        (["plain", "xoauth2"], "XOAUTH2"),
        (["PLAIN", "LOGIN"], None),
        ([], None),
    ],
)
def test_the_standard_mechanism_is_preferred(offered: list[str], chosen: str | None) -> None:
    assert choose(offered) == chosen


def test_a_challenge_is_answered_as_each_mechanism_asks() -> None:
    assert (error_answer("OAUTHBEARER"), error_answer("XOAUTH2")) == (b"\x01", b"")


@pytest.mark.parametrize(
    ("content", "challenge"),
    [
        (b'{"status":"invalid_token","scope":"mail"}', Challenge(status="invalid_token", scope="mail")),
        (
            b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}',
            Challenge(status="400", schemes="Bearer", scope="https://mail.google.com/"),
        ),
        (b'{"status":401}', Challenge(status="401")),
        (b'{"status":"a\\u0007b\\nc"}', Challenge(status="abc")),
        (b'{"status":{"x":1}}', Challenge()),
        (b'["status"]', Challenge()),
        (b"go away", Challenge()),
        (b"\xff\xfe", Challenge()),
        (b"", Challenge()),
    ],
)
def test_a_challenge_is_read_whatever_it_is(content: bytes, challenge: Challenge) -> None:
    assert read_challenge(content) == challenge


def test_a_challenge_speaks() -> None:
    assert str(Challenge(status="401", schemes="bearer", scope="mail")) == "status 401, schemes bearer, scope mail"
    assert len(read_challenge(b'{"status":"' + b"x" * 5000 + b'"}').status) == 300
