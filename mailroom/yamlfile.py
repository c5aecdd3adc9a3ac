"""YAML files of the programme, read with line numbers.

Promise: every mistake is a ProgrammeError with file and line, a key given twice included. Nested
mappings carry the line they start at under ``__line__``, and are of a dict class whose ``lines`` holds
each key's own line. Only plain data is built (a SafeLoader).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mailroom.errors import ProgrammeError

__all__ = ["Lined", "load_yaml", "parse_yaml", "yaml_text"]


class Lined(dict[Any, Any]):
    """A mapping that knows where its keys stand."""

    lines: dict[Any, int]


class _Lined(yaml.SafeLoader):
    """Mappings carry the line they start at under ``__line__``."""


def _mapping(loader: Any, node: yaml.MappingNode) -> Lined:
    loader.flatten_mapping(node)
    pairs = loader.construct_pairs(node, deep=True)
    result = Lined(pairs)
    if len(result) != len(pairs):
        names = [key for key, _ in pairs]
        second = next(index for index, key in enumerate(names) if key in names[:index])
        raise yaml.constructor.ConstructorError(None, None, f"key «{names[second]}» is there twice", node.value[second][0].start_mark)
    result.lines = {key: key_node.start_mark.line + 1 for (key, _), (key_node, _) in zip(pairs, node.value, strict=True)}
    result["__line__"] = node.start_mark.line + 1
    return result


_Lined.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)

# The same over libyaml, where PyYAML was built with it: ten times as fast. What is wrong is told by the one above.
_Fast: type[yaml.SafeLoader] = _Lined
if yaml.__with_libyaml__:

    class _FastLined(yaml.CSafeLoader):
        """Mappings carry the line they start at under ``__line__``."""

    _FastLined.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
    _Fast = _FastLined  # type: ignore[assignment]


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Fast)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError):
        return yaml.load(text, Loader=_Lined)  # noqa: S506 - a SafeLoader


def load_yaml(path: Path, *, shown: str | None = None) -> dict[str, Any]:
    """A YAML mapping; nested mappings hold their line under ``__line__``. Raises ProgrammeError."""
    return parse_yaml(yaml_text(path, shown=shown), shown=shown or path.name)


def yaml_text(path: Path, *, shown: str | None = None) -> str:
    """The text of such a file. Raises ProgrammeError."""
    shown = shown or path.name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProgrammeError(shown, None, "the file is not there") from None
    except UnicodeDecodeError as error:
        raise ProgrammeError(shown, None, f"not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


def parse_yaml(text: str, *, shown: str) -> dict[str, Any]:
    """A YAML mapping from its text, as ``load_yaml`` gives it. Raises ProgrammeError."""
    try:
        data = _parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise ProgrammeError(shown, mark.line + 1 if mark else None, f"not valid YAML: {getattr(error, 'problem', error)}") from error
    except ValueError as error:  # a date such as 2022-13-40, which PyYAML lets through to datetime
        raise ProgrammeError(shown, None, f"not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ProgrammeError(shown, 1, "should be a mapping of keys to values")
    return data
