"""The list of rules: complete, each with its place, counted over real readings."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mailroom.config import data_folder
from mailroom.demo import demo_messages
from mailroom.errors import ProgrammeError
from mailroom.rulebook import Rulebook, folder_readings
from tests.fixtures.installation import Installation

PROGRAMME = data_folder() / "programme"


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    box = tmp_path_factory.mktemp("rules")
    for name, content in demo_messages():
        (box / f"{name}.eml").write_bytes(content)
    return box


def test_every_id_of_the_rule_files_is_listed_at_its_line() -> None:
    """The line of each entry is the one that holds its id."""
    entries = Rulebook(PROGRAMME).entries
    listed = {(e.file, e.id) for e in entries}
    for path in [*PROGRAMME.glob("rules/*.yaml"), PROGRAMME / "institutions.yaml", PROGRAMME / "zones.yaml", PROGRAMME / "themes.yaml"]:
        shown = path.relative_to(PROGRAMME).as_posix()
        ids = re.findall(r"^\s+- \{?id: ([\w.-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert ids
        assert not [name for name in ids if (shown, name) not in listed]
    for e in entries:
        assert e.id in (PROGRAMME / e.file).read_text(encoding="utf-8").splitlines()[e.line - 1]


def test_hits_agree_with_the_evidence(demo_folder: Path) -> None:
    """Evidence of a phrase rule in the text means that the rule is found there."""
    book = Rulebook(PROGRAMME)
    phrase_rules = {e.id for e in book.entries if e.matched and e.file.startswith("rules/")}
    seen = 0
    for reading in folder_readings(demo_folder, schools=(), programme=None, config=None):
        hits = book.hits(reading.parsed)
        cited = {c.evidence.rule for c in reading.extraction.candidates} & phrase_rules
        assert cited <= hits
        seen += len(cited)
    assert seen > 20


def test_a_rule_that_never_hits_is_marked(demo_folder: Path, tmp_path: Path) -> None:
    """A rule of words that nobody writes is counted 0; one that everybody does, more often."""
    folder = tmp_path / "programme"
    shutil.copytree(PROGRAMME, folder)
    file = folder / "rules" / "questions.yaml"
    text = file.read_text(encoding="utf-8")
    says = re.search(r"says: (\w+)", text)
    assert says
    rule = f"rules:\n  - {{id: question.nobody, says: {says[1]}, patterns: [zyxwv utsrq], match: [Zyxwv utsrq.], not: [No.]}}\n"
    file.write_text(text.replace("rules:\n", rule, 1), encoding="utf-8")
    book = Rulebook(folder)
    messages, hit, cited = book.count(folder_readings(demo_folder, schools=(), programme=folder, config=None))
    assert messages == len(list(demo_folder.glob("*.eml")))
    assert (hit["question.nobody"], cited["question.nobody"]) == (0, 0)
    assert max(hit.values()) > 5


def test_a_broken_rule_names_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "programme"
    shutil.copytree(PROGRAMME, folder)
    (folder / "rules" / "more.yaml").write_text("rules:\n  - {id: broken, says: x, patterns: [we (have]}\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"rules/more\.yaml"):
        Rulebook(folder)


def test_the_command_over_store_and_folder_agrees(installation: Callable[..., Installation], demo_folder: Path) -> None:
    """The store's readings and the same files read anew give the same counts."""
    home = installation("rules")
    home.write(mailbox=f"folder: {demo_folder}", smtp_port=None, mode="hold")
    home.poll()
    stored = json.loads(home.run("rules", "--json").stdout)
    again = json.loads(home.run("rules", "--hits", str(demo_folder), "--json").stdout)
    assert stored["messages"] == again["messages"] > 5
    assert stored["rules"] == again["rules"]
    assert any(rule["never"] for rule in stored["rules"])
    told = home.run("rules").stdout
    assert "never" in told
    assert "rules/activities.yaml:" in told
