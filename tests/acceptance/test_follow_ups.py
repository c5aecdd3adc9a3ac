"""Every follow-up of the labelled corpus, as a reply to a real answer of ours that asks for what it brings.

The member's first mail is made from what the follow-up does *not* say, so that our answer asks for what it
does; the follow-up's own text then answers that. It completes the registration with the values of its label,
or a person has it for a stated reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailroom.model import MessageState
from store import RegistrationState
from tests.fixtures.conversations import House, Stage, open_house, play
from tests.fixtures.dovecot import Dovecot

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
ACTIVITY = "A few colleagues and I hope to start a new research project together; it has yet to begin."
SCHOOL = "I teach at Whinfold Primary School."


def follow_ups() -> list[dict[str, Any]]:
    found = [json.loads(line) for path in sorted(CORPUS.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    return [item for item in found if item.get("labels", {}).get("kind") == "follow_up"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house"), dovecot, schools="") as house:
        yield house


def first_mail(item: dict[str, Any]) -> str:
    """What the follow-up leaves out, so that together they are complete."""
    labels = item["labels"]
    lines = ["Hello, I would like to register for the action research programme."]
    if not labels["institutions"]:
        lines.append(SCHOOL)
    if not labels["activities"]:
        lines.append(ACTIVITY)
    if not labels["authorities"] and not labels["institutions"]:
        lines.append("Our council is Moray.")
    return " ".join(lines)


def turns(item: dict[str, Any]) -> list[dict[str, Any]]:
    sender = f"{item['from_name']} <{item['from_addr']}>"
    body = item["body"] + (f"\n\n{item['signature']}" if item.get("signature") else "")
    quote = "none" if "\n>" in body else "outlook" if item["client"] in ("outlook", "owa", "outlook_mobile") else "top"
    return [
        {"from": sender, "subject": "Action research", "body": first_mail(item)},
        {"from": sender, "answers": "ours", "subject": item["subject"], "body": body, "quote": quote, "as_written": True},
    ]


def play_one(item: dict[str, Any], house: House, folder: Path) -> tuple[list[str], str]:
    """What is wrong, and how it ended."""
    stage = Stage(house, folder)
    play(stage, turns(item))
    registrations, answers, last = stage.register(), stage.answers(), stage.store.messages(limit=1)[0]
    wrong = []
    if len(registrations) != 1:
        return [f"{len(registrations)} registrations"], str(last.state)
    [registration] = registrations
    if answers[0].template != "ask_member":
        wrong.append(f"our first answer was {answers[0].template}, not a question")
    ended = f"{registration.state}: {last.reason} {last.reason_detail}"
    labels = item["labels"]
    if item.get("quoted") and (letter := re.match(r"\W*([A-D])\W", item["body"], re.IGNORECASE)):
        # A letter of the question that it answered then; of our question it means what stands there.
        labels = {**labels, "activities": [house.programme.facts.activities["abcd".index(letter[1].lower())].id]}
    if registration.state is RegistrationState.REGISTERED:
        if registration.missing or answers[-1].template != "registered":
            wrong.append(f"registered, but told {answers[-1].template}")
        for name, wanted in (("authority", labels["authorities"]), ("activity", labels["activities"])):
            if wanted and sorted(registration.values_of(name)) != sorted(wanted):
                wrong.append(f"{name} {registration.values_of(name)}, not {wanted}")
        if labels["institutions"] and not same_names(registration.values_of("institution"), labels["institutions"]):
            wrong.append(f"institution {registration.values_of('institution')}, not {labels['institutions']}")
    elif last.state is not MessageState.REVIEW or not last.reason:
        wrong.append(f"neither registered nor in review for a reason: {ended}")
    if sum(reply.template == "ask_member" for reply in stage.store.replies()) > 1:
        wrong.append("asked twice")
    return wrong, ended


def same_names(got: tuple[str, ...], wanted: list[str]) -> bool:
    def key(name: str) -> str:
        return name.casefold().replace(" school", "").replace("\u2019", "'")

    return sorted(map(key, got)) == sorted(map(key, wanted))


def test_every_follow_up_completes_its_registration_or_is_with_a_person(house: House, tmp_path: Path) -> None:
    items = follow_ups()
    if not items:
        pytest.skip("the labelled corpus is not beside this checkout (../shared/corpus)")
    outcomes = {item["id"]: play_one(item, house, tmp_path / item["id"]) for item in items}
    wrong = {id: f"{'; '.join(said)} ({ended})" for id, (said, ended) in outcomes.items() if said}
    registered = sum(ended.startswith("registered") for _, ended in outcomes.values())
    print(f"{len(items)} follow-ups: {registered} registered, {len(items) - registered} with a person, {len(wrong)} wrong")
    assert not wrong, "\n".join(f"{id}: {said}" for id, said in wrong.items())
    assert registered * 2 > len(items), "most of them should need no person"
