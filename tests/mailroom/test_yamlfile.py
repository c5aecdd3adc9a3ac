"""Programme YAML is read with the line of every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.yamlfile import Lined, load_yaml


def test_mappings_know_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# comment\none: 1\nmany:\n  - id: x\n    label: y\n")
    data = load_yaml(file)
    assert isinstance(data, Lined)
    assert data.lines == {"one": 2, "many": 3}
    assert (data["many"][0]["__line__"], data["many"][0].lines["label"]) == (4, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\na: 2\n", "a.yaml, line 2: not valid YAML: key «a» is there twice"),
        (b"a: [1\n", "a.yaml, line 2: not valid YAML"),
        (b"- 1\n", "a.yaml, line 1: should be a mapping"),
        (b"", "a.yaml, line 1: should be a mapping"),
        (b"a: \xe9\n", "a.yaml: not UTF-8 text"),
        (b"a: 2022-02-30\n", "a.yaml: not valid YAML: day is out of range"),
        (b"a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
    ],
)
def test_a_mistake_has_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(ProgrammeError) as caught:
        load_yaml(file)
    assert message in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match="the file is not there"):
        load_yaml(tmp_path / "none.yaml")
