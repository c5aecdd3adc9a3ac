"""The programme's knowledge as a whole: what is found when."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.programme import load_knowledge, load_programme

FOLDER = Path(__file__).parents[2] / "programme"


def test_who_only_reads_knows_the_same_lines_of_ours() -> None:
    lines = load_knowledge(FOLDER).own_lines
    assert tuple(lines) == load_programme(FOLDER).own_lines
    assert len(lines) == len(tuple(lines))
    assert next(iter(lines)) in lines
    assert "nobody said so" not in lines


def test_who_answers_is_told_at_once_of_a_template_that_cannot_be_filled_in(tmp_path: Path) -> None:
    """Reading alone does without the templates, until a letter is held against their lines."""
    folder = shutil.copytree(FOLDER, tmp_path / "programme")
    template = folder / "replies" / "registered.txt.j2"
    template.write_text(template.read_text(encoding="utf-8") + "\n{{ programme.nowhere }}\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match="registered"):
        load_programme(folder)
    lines = load_knowledge(folder).own_lines
    with pytest.raises(ProgrammeError, match="registered"):
        list(lines)
