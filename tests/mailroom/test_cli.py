"""The command line: help without waiting, errors in words, and the same facts for people and machines."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailroom import commands
from mailroom.cli import COMMANDS, cli, main
from mailroom.config import load_config
from mailroom.demo import demo_messages
from tests.fixtures.installation import ROOT, Installation


@pytest.fixture
def filled(installation: Callable[..., Installation], tmp_path: Path) -> Installation:
    """Eight messages of the demo, polled from a folder, answers held."""
    box = tmp_path / "box"
    box.mkdir()
    for name, content in list(demo_messages())[:12]:
        (box / f"{name}.eml").write_bytes(content)
    home = installation("cli")
    home.write(mailbox=f"folder: {box}", smtp_port=None, mode="hold")
    home.poll()
    return home


def test_every_command_is_documented() -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8") + (ROOT / "docs/operation.md").read_text(encoding="utf-8")
    assert not [name for name in cli.commands if f"mailroom {name}" not in told]


def test_no_command_is_written_and_left_out() -> None:
    def reached(command: click.Command) -> list[click.Command]:
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return [command, *(one for child in below for one in reached(child))]

    modules = [importlib.import_module(f"{commands.__name__}.{found.name}") for found in pkgutil.iter_modules(commands.__path__)]
    written = [value for module in modules for value in vars(module).values() if isinstance(value, click.Command)]
    assert len(written) > len(COMMANDS)
    assert not [command.name for command in written if command not in reached(cli)]
    assert [command.name for command in COMMANDS] == cli.list_commands(click.Context(cli))


def test_help_waits_for_no_library() -> None:
    """Each of them takes longer to import than all that the help needs, and a command that works imports what it works with."""
    code = "import sys, mailroom.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env={"PYTHONPATH": str(ROOT)}).stdout.split()
    assert not {"alembic", "desk", "ingest", "jinja2", "notify", "parse", "pydantic", "rich", "spacy", "sqlalchemy", "store", "uvicorn", "yaml"} & set(loaded)
    assert "click" in loaded


def test_output_is_utf8_under_a_locale_that_is_not(tmp_path: Path) -> None:
    """A Gaelic name neither ends the command nor comes out as something else."""
    school = "Bun-sgoil Ghàidhlig Ghlinn Àrainn"
    (tmp_path / "a.eml").write_text(f"From: mairi@example.com\nSubject: Research\n\nI teach at {school}.\n", encoding="utf-8")
    plain = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "PYTHONIOENCODING": "iso-8859-1"}
    command = [sys.executable, "-c", "from mailroom.cli import main; main()", "extract", "--zones", str(tmp_path / "a.eml")]
    done = subprocess.run(command, capture_output=True, check=False, env=plain)
    assert done.returncode == 0, done.stderr
    assert school in done.stdout.decode("utf-8")


def test_every_command_has_help_and_takes_config() -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        if name not in ("init", "demo", "replies", "schools", "breakers", "addresses", "register", "messages", "aliases"):
            assert any("--config" in parameter.opts for parameter in command.params), name


def test_the_list_of_commands_is_not_cut_on_a_narrow_terminal() -> None:
    groups = [cli, *(command for command in cli.commands.values() if isinstance(command, click.Group))]
    for group in groups:
        said = CliRunner().invoke(group, ["--help"], terminal_width=80).output
        assert "..." not in said.split("Commands:")[-1], said


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("poll", "--config", "/nowhere.yaml"), 1, r"/nowhere.yaml: there is no such file"),
        (("extract", "/nowhere.eml"), 1, r"/nowhere.eml: there is no such file or folder"),
        (("extract",), 2, r"Missing argument"),
        (("pol",), 2, r"No such command"),
        (("replies", "release", "--config", "x"), 2, r"name the replies, or give --all"),
    ],
)
def test_mistakes_are_told_in_words(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    err = capsys.readouterr().err
    assert ended.value.code == status
    assert re.search(said, err)
    assert "Traceback" not in err


def test_looking_before_the_first_poll_creates_nothing(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("new")
    home.write(mailbox=f"folder: {tmp_path}", smtp_port=None, mode="hold")
    for command in ("status", "export"):
        done = home.run(command, ok=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert sorted(p.name for p in home.home.iterdir()) == ["config.yaml"]


def test_status_export_replies_and_explain_agree(filled: Installation) -> None:
    status = json.loads(filled.run("status", "--json").stdout)
    register = filled.register()
    assert sum(status["registrations"].values()) == len(register)
    listed = json.loads(filled.run("replies", "list", "--json").stdout)
    assert status["replies"]["held"] == len(listed)
    first = register[0]
    explained = json.loads(filled.run("explain", first["id"], "--json").stdout)
    assert explained["registrations"][0]["id"] == first["id"]
    for evidence in explained["candidates"]:
        if evidence["where"] == "subject":
            assert explained["subject"][evidence["start"] : evidence["end"]] == evidence["text"]
        elif ":" not in evidence["where"]:
            assert explained["body"][evidence["start"] : evidence["end"]] == evidence["text"]
    shown = filled.run("explain", first["id"]).stdout
    assert first["institutions"][0] in shown
    text = json.loads(filled.run("replies", "show", str(listed[0]["id"]), "--json").stdout)
    assert text["headers"]["Auto-Submitted"] == "auto-replied"
    for command in (("status",), ("replies", "list"), ("replies", "show", str(listed[0]["id"])), ("export", "--format", "csv")):
        assert filled.run(*command).stdout.strip()


def test_check_touches_nothing_and_tells_all_that_is_wrong(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("checked")
    home.write(mailbox=f"maildir: {tmp_path / 'nowhere'}", smtp_port=1, mode="send")
    done = home.run("check", ok=False)
    assert done.returncode == 1
    assert done.stdout.count("WRONG") >= 2
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(p.name for p in home.home.iterdir()) == ["config.yaml"]


def test_init_writes_a_configuration_once(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("init")
    said = home.run("init", str(tmp_path / "fresh"), "--programme").stdout
    not_before = load_config(tmp_path / "fresh/config.yaml").replies.not_before
    assert not_before is not None
    assert abs(datetime.now(UTC) - not_before) < timedelta(minutes=5), "a mailbox with years of mail in it is not answered by surprise"
    assert f"{not_before:%Y-%m-%dT%H:%M}" in said
    assert (tmp_path / "fresh/programme/replies/registered.txt.j2").exists()
    again = home.run("init", str(tmp_path / "fresh"), "--programme", ok=False)
    assert "is there already" in again.stderr
    again = home.run("init", str(tmp_path / "fresh"), ok=False)
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_the_programme_s_files_can_be_had_later_for_a_configuration_that_stays(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("later")
    home.run("init", str(tmp_path / "fresh"))
    (tmp_path / "fresh/config.yaml").write_text("# mine\n")
    home.run("init", str(tmp_path / "fresh"), "--programme")
    assert (tmp_path / "fresh/config.yaml").read_text() == "# mine\n"
    assert (tmp_path / "fresh/programme/replies/registered.txt.j2").exists()


def test_check_calls_a_store_that_cannot_be_used_wrong(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("store")
    home.write(mailbox=f"folder: {tmp_path}", smtp_port=None, mode="hold")
    assert "ok    store: " in home.run("check").stdout
    (home.home / "mailroom.db").write_bytes(b"no database at all" * 100)
    assert "WRONG store: " in home.run("check", ok=False).stdout


def test_extract_needs_no_store_and_reads_standard_input(installation: Callable[..., Installation]) -> None:
    home = installation("extract")
    home.write(mailbox="folder: .", smtp_port=None, mode="hold")
    mail = ROOT / "mailroom/demo/mail"
    lines = [json.loads(line) for line in home.run("extract", str(mail), "--zones").stdout.splitlines()]
    assert len(lines) == 41
    one = next(mail.glob("*.eml"))
    by_name = home.run("extract", str(one)).stdout
    command = [sys.executable, "-m", "mailroom.cli", "extract", "-"]
    by_input = subprocess.run(command, input=one.read_bytes(), env=home.environment, capture_output=True, check=True).stdout
    assert {**json.loads(by_name), "id": "-"} == json.loads(by_input)
    keys = ["id", "kind", "outcome", "institutions", "authorities", "activities", "topics", "sessions", "missing", "evidence", "reasons", "zones"]
    assert all(list(line) == keys for line in lines)
    assert {key for line in lines for e in line["evidence"] for key in e} >= {"field", "value", "where", "start", "end", "text", "rule", "strength"}
