"""Whole conversations, each with the register that a careful person would have afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from store import Registration
from tests.fixtures.commands import Process
from tests.fixtures.conversations import ROOT, Answer, House, Stage, open_house, play
from tests.fixtures.dovecot import Dovecot

FOLDER = Path(__file__).parents[1] / "conversations"
FIELDS = ("institution", "authority", "activity", "topic", "session")


def conversations() -> list[Any]:
    found = [item for path in sorted(FOLDER.glob("*.yaml")) for item in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return [pytest.param(item, id=item["id"]) for item in found]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house"), dovecot) as house:
        yield house


def test_there_are_as_many_as_were_promised() -> None:
    ids = [param.id for param in conversations()]
    assert len(ids) == len(set(ids)) >= 90


def among(truth: Any, value: str) -> bool:
    """A truth may allow several: where careful people would differ."""
    return value in truth if isinstance(truth, list) else value == truth


def wrong_registrations(truth: list[Mapping[str, Any]], register: list[Registration]) -> Iterator[str]:
    there = sorted(one.member_address for one in register)
    if sorted(one["member"] for one in truth if not among(one["state"], "none") or one["member"] in there) != there:
        yield f"registrations of {there}"
    for wanted in truth:
        for got in (one for one in register if one.member_address == wanted["member"]):
            if not among(wanted["state"], got.state):
                yield f"{got.member_address} is {got.state}, not {wanted['state']}"
            for name in FIELDS:
                several = wanted.get(name) and isinstance(wanted[name][0], list)  # any of these
                if name in wanted and list(got.values_of(name)) not in (wanted[name] if several else [wanted[name]]):
                    yield f"{got.member_address}: {name} {list(got.values_of(name))}, not {wanted[name]}"


def wrong_answers(truth: list[Mapping[str, Any]], answers: list[Answer]) -> Iterator[str]:
    if len(answers) < len(truth) and among(truth[-1]["template"], "none"):
        truth = truth[:-1]  # a last answer that a careful person may well leave out
    if len(truth) != len(answers) or not all(among(t["template"], a.template) for t, a in zip(truth, answers, strict=False)):
        yield f"answers {[a.template for a in answers]}, not {[t['template'] for t in truth]}"
    for wanted, got in zip(truth, answers, strict=False):
        if wanted.get("to", got.recipient) != got.recipient:
            yield f"{got.template} went to {got.recipient}"
        for words in wanted.get("has", ()):
            if words not in " ".join(got.text.split()):
                yield f"{got.template} lacks «{words}»: {got.text}"
        for words in wanted.get("lacks", ()):
            if words in " ".join(got.text.split()) or words in got.page:
                yield f"{got.template} has «{words}»"


@pytest.mark.parametrize("item", conversations())
def test_the_register_and_the_answers_are_a_careful_persons(item: dict[str, Any], house: House, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    stage = Stage(house, tmp_path / "stage", mode=item.get("mode", "send"))
    request.addfinalizer(stage.close)
    play(stage, item["turns"])
    truth = item["truth"]
    wrong = [*wrong_registrations(truth["register"], stage.register()), *wrong_answers(truth["answers"], stage.answers())]
    last = stage.store.messages(limit=1)[0]
    if "reason" in truth and last.reason != truth["reason"]:
        wrong.append(f"the last message is {last.state} for {last.reason}, not {truth['reason']}")
    if wrong:
        wrong += [f"{m.id}: {m.kind} {m.state} {m.reason} {m.reason_detail}" for m in reversed(stage.store.messages())]
    assert not wrong, "\n".join(wrong)
    asked: dict[str, int] = {}
    for reply in stage.store.replies(limit=1000):
        if reply.template == "ask_member" and reply.state != "suppressed":
            asked[str(reply.registration_id)] = asked.get(str(reply.registration_id), 0) + 1
    assert all(count == 1 for count in asked.values())


def test_the_command_does_the_same(house: House, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them with a process of its own for each round: `mailroom poll`, as cron would start it."""
    [item] = [param.values[0] for param in conversations() if param.id == "outlook-set-to-german"]
    stage = Stage(house, tmp_path / "stage")
    request.addfinalizer(stage.close)
    command, environment = ["--config", str(stage.folder / "config.yaml"), "poll", "--json"], {**os.environ, "PYTHONPATH": str(ROOT)}

    def polled() -> None:
        process = Process("mailroom.cli", command, folder=stage.folder, environment=environment)
        _, err = process.communicate()
        assert process.returncode == 0, err

    monkeypatch.setattr(stage, "round", polled)
    play(stage, item["turns"])
    assert not [*wrong_registrations(item["truth"]["register"], stage.register()), *wrong_answers(item["truth"]["answers"], stage.answers())]
