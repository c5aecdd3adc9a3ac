"""What was read, as JSON and back: the frozen types of ``mailroom.model`` to plain values.

The codec is driven by the types themselves, so an additive change to a type needs no change here: a key
that an older row lacks takes the field's default, and a key that this version does not know is passed
over. Promise: ``decode(cls, encode(value)) == value`` for every value of the model, whatever the text in
it (NUL, lone surrogates); times come back in the offset they had.

What it does badly: a time zone's name is not kept, only its offset; and a field whose *meaning* changes
under the same name must be handled by a migration, the codec cannot see it.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
import zlib
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from mailroom.model import Decision, Evidence, Extraction, ParsedMessage, Reading

__all__ = ["decode", "dumps", "encode", "loads", "pack_parsed", "reading_of", "unpack_parsed"]

T = TypeVar("T")
Plain = Any  # dict, list, str, int, float, bool or None
_Codec = tuple[Callable[[Any], Plain], Callable[[Plain], Any]]


def dumps(value: Plain) -> str:
    """JSON in pure ASCII: text that no database can refuse or alter, whatever a member wrote."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def loads(text: str | bytes) -> Plain:
    return json.loads(text)


def encode(value: Any) -> Plain:
    """A value of the model (a dataclass instance) as plain JSON values."""
    return _codec(type(value))[0](value)


def decode(cls: type[T], plain: Plain) -> T:
    """The value of class ``cls`` that ``encode`` gave ``plain`` for."""
    value: T = _codec(cls)[1](plain)
    return value


def pack_parsed(parsed: ParsedMessage) -> bytes:
    """The parsed text, compressed: offsets of the evidence stay valid whatever a later parser does."""
    return zlib.compress(dumps(encode(parsed)).encode("ascii"), 1)


def unpack_parsed(packed: bytes) -> ParsedMessage:
    return decode(ParsedMessage, loads(zlib.decompress(packed)))


def _same(value: Any) -> Any:
    return value


_CODECS: dict[Any, _Codec] = {}


def _codec(kind: Any) -> _Codec:
    if (codec := _CODECS.get(kind)) is None:
        codec = _CODECS[kind] = _build(kind)
    return codec


def _build(kind: Any) -> _Codec:
    if kind in (str, int, bool):
        return _same, _same
    if kind is float:
        return float, float
    if kind is datetime:
        return datetime.isoformat, datetime.fromisoformat
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str, kind
    if dataclasses.is_dataclass(kind):
        return _dataclass_codec(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence_codec(arguments[0])
    if origin is tuple:
        return _tuple_codec(arguments)
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and types.NoneType in arguments:
        return _optional_codec(next(a for a in arguments if a is not types.NoneType))
    raise TypeError(f"{kind!r} has no JSON form; add one to store.serialise")


def _sequence_codec(item: Any) -> _Codec:
    into, back = _codec(item)
    if into is _same:
        return list, tuple
    return lambda values: [into(v) for v in values], lambda plain: tuple([back(p) for p in plain])


def _tuple_codec(items: tuple[Any, ...]) -> _Codec:
    codecs = [_codec(item) for item in items]
    return (
        lambda values: [into(v) for (into, _), v in zip(codecs, values, strict=True)],
        lambda plain: tuple([back(p) for (_, back), p in zip(codecs, plain, strict=True)]),
    )


def _optional_codec(item: Any) -> _Codec:
    into, back = _codec(item)
    return lambda value: None if value is None else into(value), lambda plain: None if plain is None else back(plain)


def _dataclass_codec(cls: Any) -> _Codec:
    hints = typing.get_type_hints(cls)
    fields = [(f.name, *_codec(hints[f.name])) for f in dataclasses.fields(cls)]

    def into(value: Any) -> Plain:
        return {name: convert(getattr(value, name)) for name, convert, _ in fields}

    def back(plain: Plain) -> Any:
        return cls(**{name: convert(plain[name]) for name, _, convert in fields if name in plain})

    return into, back


# Built at import: a field without a JSON form is found at once, not at the first such message.
for _type in (ParsedMessage, Extraction, Decision, Evidence):
    _codec(_type)


def reading_of(row: Any) -> Reading:
    """The reading that a row of ``readings`` holds."""
    return Reading(
        parsed=unpack_parsed(row.parsed),
        extraction=decode(Extraction, row.extraction),
        decision=decode(Decision, row.decision),
        rules_version=row.rules_version,
    )
