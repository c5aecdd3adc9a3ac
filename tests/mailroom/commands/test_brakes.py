"""What the coordinator sees of the brakes, and does about them: status, breakers, addresses, replies release."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailroom.cli import main
from mailroom.model import MessageState, ReplyState
from store import Cap, DeliveryNote, Store
from tests.fixtures.stores import arrival, record

Run = Callable[..., str]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, in this process, on a store where a breaker has tripped and an answer has come back."""
    (tmp_path / "config.yaml").write_text('mailboxes: [{name: x, folder: .}]\nreplies: {from: "car@union.example"}\n')
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        store.ensure_current()
        store.add_arrivals([arrival(uid) for uid in range(1, 7)], NOW)
        ids = [message.id for message in store.waiting()]
        cap = Cap(per_address=9, window=timedelta(days=1), per_domain_an_hour=3)
        made = [replace(record(ids[n], f"m{n}", recipient=f"p{n}@x.example"), registration=None, cap=cap) for n in range(4)]
        store.record_many([replace(made[0], registration=record(1).registration), *made[1:]], NOW)
        [first, *_] = store.due(NOW)
        store.claim(first.id, NOW)
        store.mark_sent(first.id, NOW)
        note = DeliveryNote(
            identifiers=(first.identifier,),
            recipients=("p0@x.example",),
            action="failed",
            status="5.1.1",
            detail="550 5.1.1 no such user\x1b[31m",
            permanent=True,
            address_gone=True,
        )
        report = replace(record(ids[4], "r"), state=MessageState.IGNORED, registration=None, reply=None, delivery=note)
        later = replace(record(ids[5], "l", recipient="p0@x.example", reply_state=ReplyState.HELD), registration=None)
        store.record_many([report, later], NOW)

    def go(*arguments: str) -> str:
        main([*arguments, "--config", str(tmp_path / "config.yaml")])
        return " ".join(capsys.readouterr().out.split())

    capsys.readouterr()
    return go


def test_status_raises_the_alarm_first(run: Run) -> None:
    said = run("status")
    assert said.startswith("ALARM: 3 answers to x.example within an hour: the breaker tripped at")
    assert "1 are parked" in said
    assert "1 address takes no mail" in said
    facts = json.loads(run("status", "--json"))
    assert [breaker["scope"] for breaker in facts["breakers"]] == ["x.example"]
    assert facts["undeliverable_addresses"] == 1


def test_a_breaker_is_listed_and_closed_and_what_it_parked_released(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert "OPEN" in run("breakers", "list")
    assert "go out again" in run("breakers", "close", "X.example")
    [row] = json.loads(run("breakers", "list", "--json"))
    assert (row["closed_by"], row["parked"]) == ("operator", 1)
    with pytest.raises(SystemExit):
        run("breakers", "close", "all")
    assert "no breaker is open for «all»" in capsys.readouterr().err
    assert "ALARM" not in run("status")
    assert "1 reply will go out" in run("replies", "release", "--parked", "breaker_domain")
    assert "0 replies will go out" in run("replies", "release", "--parked", "breaker_domain")


def test_an_address_is_listed_with_its_reason_and_cleared(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = json.loads(run("addresses", "list", "--json"))
    assert (row["address"], row["status"], row["reason"], row["parked"]) == ("p0@x.example", "5.1.1", "bounced", 1)
    said = run("addresses", "list")
    assert "p0@x.example" in said
    assert "\x1b" not in said
    assert "0 replies will go out" in run("replies", "release", "--parked", "undeliverable")
    cleared = run("addresses", "clear", "P0@x.example")
    assert "gets answers again" in cleared
    assert "mailroom replies release" in cleared
    with pytest.raises(SystemExit):
        run("addresses", "clear", "p0@x.example")
    assert "not marked" in capsys.readouterr().err
    assert "every address takes mail" in run("addresses", "list")
    assert "1 reply will go out" in run("replies", "release", "--parked", "undeliverable")


def test_the_lost_answer_tells_its_story(run: Run) -> None:
    [row] = [r for r in json.loads(run("replies", "list", "--state", "dead", "--json")) if r["reason"] == "bounced"]
    assert "did not reach the member" in run("replies", "show", str(row["id"]))
    for which in (str(row["message"]), row["registration"]):
        said = run("explain", which)
        assert "reports that came in" in said
        assert "did not reach the member" in said
    assert "our answer came back: message 5 says so" in said
    assert "the address takes no mail" in said


def test_release_takes_one_way_of_naming(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("1", "--all"), ("--all", "--parked", "cap_address"), ("--parked", "before_go_live")):
        with pytest.raises(SystemExit) as ended:
            run("replies", "release", *arguments)
        assert ended.value.code == 2
