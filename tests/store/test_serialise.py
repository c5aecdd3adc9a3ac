"""What was read comes back from JSON as it was, for any text a member may write."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.model import Decision, Evidence, Extraction, ParsedMessage, Reading
from store.serialise import decode, dumps, encode, loads, pack_parsed, unpack_parsed
from tests.fixtures.stores import reading

any_text = st.text(st.characters(), max_size=40)  # lone surrogates and NUL among them
st.register_type_strategy(str, any_text)
st.register_type_strategy(float, st.floats(0, 1))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
st.register_type_strategy(datetime, st.datetimes(min_value=datetime(1970, 1, 1), timezones=offsets))


@given(st.builds(Reading))
def test_a_reading_comes_back_as_it_was(value: Reading) -> None:
    assert decode(Reading, loads(dumps(encode(value)))) == value
    assert unpack_parsed(pack_parsed(value.parsed)) == value.parsed


@given(any_text)
def test_json_is_pure_ascii(text: str) -> None:
    """So that no database can refuse or alter it."""
    assert dumps(text).isascii()
    assert loads(dumps(text)) == text


def test_times_keep_their_offset() -> None:
    early = datetime(2022, 1, 10, 9, 0, tzinfo=timezone(timedelta(hours=-5)))
    back = unpack_parsed(pack_parsed(dataclasses.replace(reading().parsed, sent_at=early)))
    assert back.sent_at is not None
    assert (back.sent_at, back.sent_at.utcoffset()) == (early.astimezone(UTC), timedelta(hours=-5))


def test_a_row_of_an_older_version_takes_the_defaults_and_of_a_newer_one_loses_nothing_known() -> None:
    plain = encode(reading().extraction)
    del plain["themes"]
    plain["added_later"] = 1
    assert decode(Extraction, plain) == reading().extraction


def test_evidence_still_slices_after_the_round_trip() -> None:
    back = decode(Reading, loads(dumps(encode(reading()))))
    assert [back.parsed.slice(c.evidence) for c in back.extraction.candidates] == ["Whinhill Academy"]


@dataclasses.dataclass(frozen=True)
class Odd:
    content: bytes


def test_a_type_without_a_json_form_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="bytes"):
        encode(Odd(content=b""))


def test_every_stored_type_has_a_codec() -> None:
    for cls in (ParsedMessage, Extraction, Decision, Evidence):
        assert dataclasses.is_dataclass(cls)
        assert decode(cls, encode(_sample(cls))) == _sample(cls)


def _sample(cls: type) -> object:
    base = reading()
    return {ParsedMessage: base.parsed, Extraction: base.extraction, Decision: base.decision, Evidence: base.extraction.candidates[0].evidence}[cls]
