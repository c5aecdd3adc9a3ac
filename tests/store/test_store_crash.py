"""Killed at every statement and around every commit, the store holds whole states, and the next round ends the same."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailroom.model import MessageState, ReplyState
from store import Store

ROOT = Path(__file__).parents[2]
KILLED = -9


class Driver:
    """The process that forks a child for each run."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("crash_driver.py"))]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self, url: str, sink: Path, *, killed_at: int = 0) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(url, killed_at, sink, sep="\t", file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def driver() -> Iterator[Driver]:
    started = Driver()
    yield started
    started.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """A new database each time it is called: with the schema ("current") or without ("empty")."""
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")

        def upgraded(url: str) -> None:
            with Store(url) as store:
                store.upgrade()

        return lambda kind: str(postgres.fresh("current", upgraded) if kind == "current" else postgres.fresh())
    template = request.getfixturevalue("sqlite_template")
    numbers = iter(range(10_000))

    def made(kind: str) -> str:
        path = tmp_path / f"{next(numbers)}.db"
        if kind == "current":
            shutil.copy(template, path)
        return f"sqlite:///{path}"

    return made


def outcome(store: Store) -> dict[str, Any]:
    """The state that a person would see, without what differs from run to run (numbers, attempts)."""
    return {
        "register": [(r.id, r.state, r.values_of("topic"), r.received_at) for r in store.registrations()],
        "balance": store.balance(),
        "replies": sorted((r.identifier, r.state) for r in store.replies()),
        "unaccounted": store.unaccounted("programme", 7, [1, 2, 3, 4]),
        "unsettled": store.unsettled_uids("programme", 7),
    }


def assert_whole(store: Store) -> None:
    """Every message is wholly decided or wholly untouched."""
    for line in store.messages():
        found = store.message(line.id)
        assert found is not None
        parts = (found.readings, found.registrations, found.replies, [e for e in found.history if e.event == "message.recorded"])
        expected = 1 if line.state == MessageState.REGISTERED else 0
        assert [len(part) for part in parts] == [expected] * 4
        assert found.arrivals
        assert (found.content is None) == (line.state == MessageState.QUARANTINED)


def test_a_round_killed_at_any_step_ends_as_an_undisturbed_one(
    driver: Driver, fresh: Callable[[str], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every third step on SQLite, every seventh on PostgreSQL, where it runs through the same ones, for time."""
    stride = 7 if "postgresql" in request.node.name else 3
    calm = fresh("current")
    assert driver.round(calm, tmp_path / "calm") == 0
    with Store(calm) as store:
        expected = outcome(store)
    sent = set((tmp_path / "calm").read_bytes().split(b"\0"))
    assert [state for _, state in expected["replies"]] == [ReplyState.SENT, ReplyState.SENT]
    repeated = 0
    for step in itertools.count(1, stride):
        url, sink = fresh("current"), tmp_path / f"sink{step}"
        ended = driver.round(url, sink, killed_at=step)
        if ended == 0:
            break
        assert ended == KILLED
        with Store(url) as store:
            assert_whole(store)
        assert driver.round(url, sink) == 0
        with Store(url) as store:
            assert_whole(store)
            assert outcome(store) == expected
        copies = sink.read_bytes().split(b"\0")
        assert set(copies) == sent  # never two different answers; at worst the same one twice
        assert len(copies) - len(sent) <= 1
        repeated += len(copies) > len(sent)
    assert step > 30  # it was killed that often
    assert repeated  # and also between the server's 250 and the mark


def test_a_first_run_killed_at_any_step_of_the_migration_is_made_again(driver: Driver, fresh: Callable[[str], str], tmp_path: Path) -> None:
    """No half-made schema: the database is empty or whole. Every tenth step, for time."""
    expected: dict[str, Any] | None = None
    for step in range(1, 80, 10):
        url, sink = fresh("empty"), tmp_path / f"sink{step}"
        assert driver.round(url, sink, killed_at=step) == KILLED
        with Store(url) as store:
            store.ensure_current()
            assert store.check() == ()
        assert driver.round(url, sink) == 0
        with Store(url) as store:
            expected = expected or outcome(store)
            assert outcome(store) == expected
