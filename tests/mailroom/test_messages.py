"""`mailroom messages`, and the words by which the commands know states: what waits for a person, and that it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailroom.cli import main
from mailroom.model import MessageState, ReplyState
from store import RegistrationState, Store
from tests.fixtures.stores import arrival, record

NOW = datetime(2022, 1, 10, 9, 30, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on a store with a registration (1), a question by nobody who is registered (2) and what could not be read (3)."""
    (tmp_path / "config.yaml").write_text('mailboxes: [{name: programme, folder: .}]\nreplies: {from: "car@union.example"}\n')
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        store.ensure_current()
        store.add_arrivals([arrival(uid) for uid in (1, 2, 3)], NOW)
        store.record_many([record(1, "one"), replace(record(2, "two", reply_state=ReplyState.HELD), registration=None, state=MessageState.REVIEW)], NOW)
        store.failed_attempt(3, "ValueError: broken", NOW, 1)

    def go(*arguments: str, status: int = 0) -> str:
        capsys.readouterr()
        try:
            main([*arguments, "--config", str(tmp_path / "config.yaml")])
            code: object = 0
        except SystemExit as ended:
            code = ended.code
        assert code == status
        said = capsys.readouterr()
        return " ".join((said.out + said.err).split())

    return go


def listed(run: Run, *arguments: str) -> list[int]:
    return [one["id"] for one in json.loads(run("messages", "list", "--json", *arguments))]


def test_what_waits_for_a_person_is_listed_until_somebody_settles_it(run: Run) -> None:
    assert listed(run) == [2, 3]
    assert "for you to look at: 2 messages" in run("status")
    assert run("messages", "settle", "2", "3", "--by", "Isobel") == "2 messages are done"
    assert listed(run) == []
    assert run("messages", "list") == "nothing waits for a person"
    assert "for you to look at" not in run("status")
    assert "message.settled by Isobel" in run("explain", "2")
    assert "done: A person has dealt with it. (Isobel)" in run("explain", "3")


def test_a_registration_that_waits_is_not_forgotten_with_its_message(run: Run, tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        store.add_arrivals([arrival(4)], NOW)
        waits = record(4, "four")
        assert waits.registration is not None
        waits = replace(waits, state=MessageState.REVIEW, registration=replace(waits.registration, state=RegistrationState.REVIEW))
        [done] = store.record_many([waits], NOW)
    assert f"registration {done.registration_id} waits for you still" in run("messages", "settle", "4")


def test_what_does_not_wait_is_not_settled_and_nothing_else_with_it(run: Run) -> None:
    assert "no message 1, 9 waits for a person" in run("messages", "settle", "1", "2", "9", status=1)
    assert listed(run) == [2, 3]


def test_a_state_is_known_by_the_word_in_the_table_and_by_that_of_json(run: Run) -> None:
    assert listed(run, "--state", "unreadable") == listed(run, "--state", "quarantined") == [3]
    assert listed(run, "--state", "waiting for person") == listed(run, "--state", "review") == [2]
    assert listed(run, "--all") == [1, 2, 3]
    for word in ("parked", "suppressed", "undeliverable", "dead"):
        assert run("replies", "list", "--state", word) == "no replies"
    assert "there are registered, waiting-for-member, waiting-for-person, withdrawn" in run("register", "list", "--state", "lost", status=2)


def test_a_release_says_what_it_did_not_do(run: Run) -> None:
    rows = {row["state"]: row["id"] for row in json.loads(run("replies", "list", "--json"))}
    assert f"{rows['due']} stays as it is: due" in run("replies", "release", str(rows["due"]), str(rows["held"]))
    assert "there is no reply 99" in run("replies", "release", "99", status=1)
