"""YAML files of the programme, read with line numbers.

Promise: every mistake is a ProgrammeError with file and line, a key given twice included. Nested
mappings carry the line they start at under ``__line__``. Only plain data is built (a SafeLoader).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mailroom.errors import ProgrammeError

__all__ = ["load_yaml"]


class _Lined(yaml.SafeLoader):
    """Mappings carry the line they start at under ``__line__``."""


def _mapping(loader: _Lined, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    pairs = loader.construct_pairs(node, deep=True)
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise yaml.constructor.ConstructorError(None, None, f"key «{twice}» is there twice", node.start_mark)
    result["__line__"] = node.start_mark.line + 1
    return result


_Lined.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(path: Path, *, shown: str | None = None) -> dict[str, Any]:
    """A YAML mapping; nested mappings hold their line under ``__line__``. Raises ProgrammeError."""
    shown = shown or path.name
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Lined)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise ProgrammeError(shown, None, "the file is not there") from None
    except UnicodeDecodeError as error:
        raise ProgrammeError(shown, None, f"not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise ProgrammeError(shown, mark.line + 1 if mark else None, f"not valid YAML: {getattr(error, 'problem', error)}") from error
    except ValueError as error:  # a date such as 2022-13-40, which PyYAML lets through to datetime
        raise ProgrammeError(shown, None, f"not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ProgrammeError(shown, 1, "should be a mapping of keys to values")
    return data
