"""`mailroom desk user`: the real command, on a store of its own; and `mailroom desk`, served over a socket."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desk.passwords import Passwords
from mailroom.cli import main
from store import Account, Role, Store
from tests.fixtures.installation import Installation

PASSWORD = "three old kirk bells"


class House:
    """``run`` is the command; ``typed`` is what stands on its standard input."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        self.config = folder / "config.yaml"
        self.config.write_text('mailboxes: [{name: programme, folder: .}]\nreplies: {from: "car@union.example"}\n', encoding="utf-8")

    def run(self, *arguments: str, typed: str = "", status: int = 0) -> str:
        import io

        self.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        self.capsys.readouterr()
        try:
            main(["desk", "user", *arguments, "--config", str(self.config)])
            code: object = 0
        except SystemExit as ended:
            code = ended.code
        said = self.capsys.readouterr()
        text = " ".join((said.out + said.err).split())
        assert code == status, text
        assert "Traceback" not in text
        assert PASSWORD not in text
        return text

    def add(self, name: str = "anne", role: str = "coordinator") -> str:
        return self.run("add", name, "--role", role, "--password-stdin", "--by", "Isobel", typed=f"{PASSWORD}\nmore\n")

    def account(self, name: str = "anne") -> Account:
        with Store(f"sqlite:///{self.folder}/mailroom.db") as store:
            found = store.people.find(name)
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, capsys, monkeypatch)


def test_an_account_is_made_before_anything_else_is(house: House) -> None:
    assert house.add("Anne") == "anne can log in now, as a coordinator"
    account = house.account()
    assert (account.role, account.shown) == (Role.COORDINATOR, "Anne")
    assert Passwords().right(PASSWORD, account.password)  # the first line, without its end
    with Store(f"sqlite:///{house.folder}/mailroom.db") as store:
        [line] = store.people.audit()
    assert (line.event, line.actor) == ("account.added", "Isobel")


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "said"),
    [
        (("add", "bob", "--role", "viewer", "--password-stdin"), "short\n", 1, "at least 12 characters"),
        (("add", "bob", "--role", "viewer", "--password-stdin"), "", 1, "at least 12 characters"),
        (("add", "bob", "--role", "viewer"), "", 2, "give it with --password-stdin"),
        (("add", "bob", "--role", "owner", "--password-stdin"), PASSWORD, 2, "viewer"),
        (("add", "bob", "--password-stdin"), PASSWORD, 2, "Missing option '--role'"),
        (("add", "ANNE", "--role", "viewer", "--password-stdin"), PASSWORD, 1, "already"),
        (("add", "mailroom", "--role", "viewer", "--password-stdin"), PASSWORD, 1, "cannot be an account's name"),
        (("add", "bob smith", "--role", "viewer", "--password-stdin"), PASSWORD, 1, "cannot be an account's name"),
        (("add", "../x", "--role", "viewer", "--password-stdin"), PASSWORD, 1, "cannot be an account's name"),
        (("add", "bob", "--role", "viewer", "--no-password"), "", 2, "--no-password goes with --email"),
        (("add", "bob", "--role", "viewer", "--email", "bob", "--password-stdin"), PASSWORD, 1, "should be an address"),
        (("role", "nobody", "viewer"), "", 1, "no account «nobody»"),
        (("password", "nobody", "--password-stdin"), PASSWORD, 1, "no account «nobody»"),
        (("disable", "nobody"), "", 1, "no account «nobody»"),
        (("sessions", "nobody"), "", 1, "no account «nobody»"),
        (("revoke", "nobody"), "", 1, "no account «nobody»"),
        (("revoke", "anne", "--session", "99"), "", 1, "no session 99"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_words(house: House, arguments: tuple[str, ...], typed: str, status: int, said: str) -> None:
    house.add()
    assert said in house.run(*arguments, typed=typed, status=status)
    assert json.loads(house.run("list", "--json"))[0]["name"] == "anne"
    assert len(json.loads(house.run("list", "--json"))) == 1


def test_an_account_through_its_life(house: House) -> None:
    house.add()
    assert "anne coordinator anne never seen password" in house.run("list")
    assert house.run("role", "anne", "administrator") == "anne is an administrator now"
    assert house.account().role is Role.ADMINISTRATOR
    with Store(f"sqlite:///{house.folder}/mailroom.db") as store:
        for token in ("a", "b"):
            store.people.open_session("anne", token, datetime.now(UTC), way="password", client="192.0.2.1", browser="Lynx\x1b[31m")
    said = house.run("sessions")
    assert said.count("192.0.2.1") == 2
    assert "\x1b" not in said
    assert house.run("sessions", "anne", "--json").count('"account": "anne"') == 2
    assert house.run("revoke", "anne", "--session", "1") == "anne is logged out (1)"
    assert [one["id"] for one in json.loads(house.run("sessions", "--json"))] == [2]
    assert house.run("password", "anne", "--password-stdin", typed="four wet walking boots") == "anne has a new password; logged out: 1"
    assert Passwords().right("four wet walking boots", house.account().password)
    assert house.run("sessions") == "nobody is logged in"
    assert house.run("disable", "anne") == "anne cannot log in any more"
    assert house.run("disable", "anne") == "anne cannot log in, as before"
    assert "DISABLED" in house.run("list")
    assert house.run("enable", "anne") == "anne can log in again"
    assert house.run("revoke", "anne") == "anne is logged out (0)"


def test_an_account_for_the_provider_has_no_password(house: House) -> None:
    house.run("add", "anne", "--role", "viewer", "--email", "Anne@Union.example", "--no-password")
    assert (house.account().password, house.account().email) == (None, "anne@union.example")
    assert "has neither password nor address" in house.run("email", "anne")
    assert house.account().email is None
    assert house.run("email", "anne", "a@union.example") == "anne logs in as a@union.example"


def test_nothing_is_said_of_passwords_by_list(house: House) -> None:
    house.add()
    assert "argon2" not in house.run("list") + house.run("list", "--json")


# --- serving


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_the_desk_is_served_to_this_machine_and_ends_when_told(installation: Callable[..., Installation]) -> None:
    house = installation()
    (house.home / "mail").mkdir()
    house.write(mailbox="folder: mail", smtp_port=None, mode="hold")
    port = free_port()
    process = house.start("desk", "--port", str(port))
    try:
        page = ""
        deadline = time.monotonic() + 60
        while not page:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    page, headers = answer.read().decode(), answer.headers
            except urllib.error.URLError:
                time.sleep(0.1)
        assert "mailroom desk user add NAME" in page
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert f"http://127.0.0.1:{port}" in err and "nobody can log in yet" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "mailroom.lan"])
def test_without_a_web_address_it_is_not_served_to_others(house: House, host: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["desk", "--host", host, "--config", str(house.config)])
    assert ended.value.code == 1
    assert "passwords would cross the network" in house.capsys.readouterr().err


def test_the_command_before_the_word_user_may_name_the_settings(house: House) -> None:
    house.add()
    for arguments in (["--config", str(house.config), "desk", "user", "list"], ["desk", "--config", str(house.config), "user", "list"]):
        house.capsys.readouterr()
        main(arguments)
        assert house.capsys.readouterr().out.startswith("anne")


def test_a_password_never_stands_in_an_argument() -> None:
    """Every process of the machine can read those."""
    from mailroom.commands.desk_accounts import user

    for command in user.commands.values():
        for parameter in command.params:
            if "password" in (parameter.name or "") or "password" in " ".join(parameter.opts):
                assert getattr(parameter, "is_flag", False), (command.name, parameter.name)


def test_on_a_terminal_it_is_typed_twice_and_not_shown(installation: Callable[..., Installation]) -> None:
    """A real terminal, which shows what is typed unless it is told not to."""
    import os
    import pty

    house = installation()
    house.write(mailbox="folder: mail", smtp_port=None, mode="hold")
    there, here = pty.openpty()
    import sys

    command = [sys.executable, "-m", "mailroom.cli", "--config", str(house.config), "desk", "user", "add", "anne", "--role", "viewer"]
    process = subprocess.Popen(command, cwd=house.home, env=house.environment, stdin=here, stdout=here, stderr=here)
    os.close(here)
    seen = b""
    for sign in (b"Password:", b"again:"):
        while sign not in seen:
            seen += os.read(there, 1000)
        os.write(there, PASSWORD.encode() + b"\n")
    try:
        while more := os.read(there, 1000):
            seen += more
    except OSError:  # the other side is closed: how Linux tells the end of a terminal
        pass
    os.close(there)
    assert process.wait(timeout=60) == 0, seen
    assert PASSWORD.encode() not in seen
    assert b"anne can log in now" in seen
