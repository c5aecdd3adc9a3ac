"""Measuring the reading: what counts as right, figures by hand, runs compared, the curve, the register as truth."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailroom.config import data_folder
from mailroom.errors import MailroomError
from mailroom.evaluating import (
    Labelled,
    Names,
    Result,
    compare,
    curve_points,
    curve_svg,
    figures,
    labelled_folder,
    measure,
    read_saved,
    reviewed_registrations,
    saved,
    shared_words,
)
from mailroom.extracting import open_reader
from mailroom.model import Candidate, Decision, Evidence, Extraction, Kind, Outcome, ParsedMessage, Reading, Slot
from parse.decide import Policy
from parse.schoolnames import School
from tests.fixtures.installation import Installation

PROGRAMME = data_folder() / "programme"
MAIL = """\
From: "Isla Dun" <isla@school.example>
To: car@union.example
Subject: Action research
Date: Mon, 10 Jan 2022 10:00:00 +0000
Message-ID: <{name}@school.example>
Content-Type: text/plain; charset=utf-8

Hello,

I teach at {school} in Fife and would like to take part.

Isla
"""
PARSED = ParsedMessage(
    message_ids=(),
    in_reply_to=(),
    references=(),
    sender=None,
    from_addresses=(),
    reply_to=(),
    recipients=(),
    subject="",
    sent_at=None,
    return_path=None,
    headers=(),
    body="",
    zones=(),
    attachments=(),
    content_types=(),
    report=None,
    calendar_method=None,
    defects=(),
)
EVERYTHING = {
    "kind": "expression_of_interest",
    "outcome": "registered",
    "institutions": ["Ashmuir Primary School"],
    "authorities": ["Fife"],
    "activities": ["existing_individual"],
    "sessions": [],
    "topics": ["spelling games"],
    "missing": [],
}


def reading(
    *, outcome: str = "registered", kind: str = "expression_of_interest", strength: float = 0.9, missing: tuple[str, ...] = (), **values: Any
) -> Reading:
    """A reading made by hand: everything of EVERYTHING unless told otherwise."""
    fields = {key: tuple(values.get(key, EVERYTHING[key])) for key in ("institutions", "authorities", "activities", "sessions", "topics")}
    evidence = Evidence(where="own", start=0, end=0, text="", rule="r")
    slots = ((Slot.INSTITUTION, "institutions"), (Slot.AUTHORITY, "authorities"), (Slot.ACTIVITY, "activities"))
    candidates = tuple(Candidate(slot=slot, value=value, strength=strength, evidence=evidence, chosen=True) for slot, key in slots for value in fields[key])
    return Reading(
        parsed=PARSED,
        extraction=Extraction(kind=Kind(kind), candidates=candidates, **fields),
        decision=Decision(outcome=Outcome(outcome), missing=missing),
        rules_version="v",
    )


def result(name: str, labels: dict[str, Any], read: Reading) -> Result:
    return measure(Labelled(id=name, content=b"", labels=labels), read, Names())


# --- what is the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St Jude's R.C. Primary School", "Saint Judes Primary"),
        ("Ashmuir Primary School (Fife)", "Ashmuir School"),
        ("Ashmuir Primary School - Kirkmuir", "ashmuir primary"),
        ("Dun & Corran High School", "Dun and Corran High"),
        ("Corran High School, Kirkmuir", "Corran High School"),
        ("Fife Council", "Fife"),
        ("Àird Primary School", "Aird School"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert Names.plain(one) == Names.plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ashmuir High School", "Ashmuir Academy"),
        ("East Corran School", "Corran School"),
        ("Renfrewshire", "East Renfrewshire"),
        ("The School", "The Council"),
    ],
)
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert Names.plain(one) != Names.plain(other)


def test_listed_names_in_other_words() -> None:
    """An alias stands for the school that has it, unless two have it; councils and colleges have theirs in the programme."""
    fife = School(name="Ashmuir School", authority="Fife", aliases=("Old Muir School", "Shared School"))
    moray = School(name="Corran School", authority="Moray", aliases=("Shared School",))
    names = Names(PROGRAMME, [fife, moray])
    assert names("Old Muir Primary School") == names("Ashmuir School")
    assert len({names("Shared School"), names("Ashmuir School"), names("Corran School")}) == 3
    assert names("City of Aberdeen") == names("Aberdeen City Council")


def test_words_that_topics_share() -> None:
    assert shared_words("the spelling games", "Spelling game") == 1
    assert shared_words("spelling", "number talks") == 0
    assert shared_words("spelling games", "spelling at home") == pytest.approx(2 / 5)
    assert shared_words("", "spelling") == 0


# --- measuring


def test_all_right_is_nothing_wrong() -> None:
    read = result("a", EVERYTHING, reading())
    assert read.wrong == {}
    made = figures([read])
    assert made["straight_through"] == {"precision": 1, "recall": 1, "registered": 1, "right": 1, "due": 1, "due_right": 1}


def test_figures_by_hand() -> None:
    """Five messages: one right, one with a school too many, one with a council missed, a machine answered, a question missed."""
    made = figures(
        [
            result("right", EVERYTHING, reading()),
            result("extra", EVERYTHING, reading(institutions=["Ashmuir Primary School", "Corran School"])),
            result("lost", EVERYTHING, reading(authorities=[], outcome="ask_member", missing=("authority",))),
            result("machine", {"kind": "auto_reply", "outcome": "ignore", "institutions": ["X School"]}, reading()),
            result("question", {**EVERYTHING, "outcome": "review", "topics": []}, reading(outcome="review")),
        ]
    )
    assert made["kind_accuracy"] == 4 / 5
    assert made["outcome_accuracy"] == 3 / 5
    assert made["institutions"] == {"precision": 4 / 5, "recall": 1, "right": 4, "extra": 1, "lost": 0}
    assert made["authorities"] == {"precision": 1, "recall": 3 / 4, "right": 3, "extra": 0, "lost": 1}
    assert made["topics"] == {"overlap": 1, "invented": 1, "without": 1}
    assert made["straight_through"] == {"precision": 1 / 3, "recall": 1 / 3, "registered": 3, "right": 1, "due": 3, "due_right": 1}
    assert made["machines"] == {"answered": 1, "seen": 1}
    assert made["missing"]["precision"] is None, "nothing to measure is no share"


def test_fields_of_enquiries_and_absent_labels_are_not_measured() -> None:
    assert set(result("a", {**EVERYTHING, "kind": "enquiry", "outcome": "review"}, reading()).fields) == {"kind", "outcome"}
    assert set(result("a", {"institutions": []}, reading()).fields) == {"institutions"}


def test_missing_counts_only_where_both_ask() -> None:
    asks = {**EVERYTHING, "outcome": "ask_member", "missing": ["activity"]}
    assert "missing" not in result("a", asks, reading()).fields
    assert result("a", asks, reading(outcome="ask_member", missing=("activity", "authority"))).wrong["missing"].found == ("activity", "authority")


def test_a_topic_in_other_words_is_a_difference() -> None:
    assert "topics" in result("a", EVERYTHING, reading(topics=["number talks"])).wrong
    assert "topics" not in result("a", EVERYTHING, reading(topics=["games of spelling"])).wrong


# --- labels


def test_labels_beside_each_message(tmp_path: Path) -> None:
    """NAME.json may hold the labels or an object with them; a message without is named."""
    for name in "abc":
        (tmp_path / f"{name}.eml").write_text(MAIL.format(name=name, school="Ashmuir Primary School"), encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(EVERYTHING), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps({"id": "b", "labels": EVERYTHING}), encoding="utf-8")
    items, left_out = labelled_folder(tmp_path)
    assert ([item.id for item in items], left_out) == (["a", "b"], ["c"])
    assert items[0].labels == items[1].labels == EVERYTHING


def test_labels_in_a_file(tmp_path: Path) -> None:
    """Lines for messages that are not there are named too, so that nobody takes a part for the whole."""
    (tmp_path / "a.eml").write_text(MAIL.format(name="a", school="Ashmuir Primary School"), encoding="utf-8")
    lines = [json.dumps({"id": name, "labels": EVERYTHING}) for name in ("a", "z")]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    for labels in (None, tmp_path / "labels.jsonl"):
        items, left_out = labelled_folder(tmp_path, labels)
        assert ([item.id for item in items], left_out) == (["a"], ["z (labels without .eml)"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"labels\.jsonl:2: not valid JSON"),
        ('{"labels": {}}', r"labels\.jsonl:2: each line should be an object"),
        ('{"id": "a", "labels": {"kind": "enquirry"}}', r"labels\.jsonl:2: «kind: enquirry» is none of"),
        ('{"id": "a", "labels": {"sessions": "2022-01-19"}}', r"labels\.jsonl:2: «sessions» should be a list"),
        ('{"id": "a", "labels": []}', r"labels\.jsonl:2: the labels should be an object"),
    ],
)
def test_a_slip_in_the_labels_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.eml").write_text("From: a@b.example\n\nHi", encoding="utf-8")
    (tmp_path / "labels.jsonl").write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(MailroomError, match=said):
        labelled_folder(tmp_path)


@pytest.mark.parametrize("files", [(), ("a.eml",)])
def test_nothing_to_measure_is_an_error(tmp_path: Path, files: tuple[str, ...]) -> None:
    for name in files:
        (tmp_path / name).write_text("From: a@b.example\n\nHi", encoding="utf-8")
    with pytest.raises(MailroomError, match=r"no \.eml file|no message has labels"):
        labelled_folder(tmp_path)


# --- runs compared


def test_better_worse_and_otherwise(tmp_path: Path) -> None:
    wrong, right = reading(institutions=["Corran School"]), reading()
    before = [result(name, EVERYTHING, read) for name, read in (("mended", wrong), ("spoilt", right), ("other", wrong), ("same", wrong), ("gone", right))]
    after = [
        result(name, EVERYTHING, read)
        for name, read in (("mended", right), ("spoilt", wrong), ("other", reading(institutions=["Dun School"])), ("same", wrong), ("fresh", right))
    ]
    file = tmp_path / "before.json"
    file.write_text(json.dumps(saved(before, "v1")), encoding="utf-8")
    assert compare(saved(after, "v2"), read_saved(file)) == {
        "before": "v1",
        "now": "v2",
        "better": {"mended": ["institutions"]},
        "worse": {"spoilt": ["institutions"]},
        "otherwise": {"other": ["institutions"]},
        "only_now": ["fresh"],
        "only_before": ["gone"],
    }


@pytest.mark.parametrize("content", ["", "[]", '{"figures": {}}'])
def test_another_file_is_no_earlier_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(MailroomError, match=r"x\.json"):
        read_saved(tmp_path / "x.json")


# --- the curve


def test_a_higher_threshold_covers_less_and_errs_less() -> None:
    """A sure message that is right and a weak one that is wrong: above the weak one's strength only the right one is left."""
    policy = Policy(accept={}, review=frozenset(), ask={})
    results = [result("sure", EVERYTHING, reading(strength=0.9)), result("weak", EVERYTHING, reading(strength=0.4, institutions=["Corran School"]))]
    lines = curve_points(results, policy, thresholds=(0.0, 0.5, 0.95))
    assert [(p.coverage, p.precision) for p in lines["straight through"]] == [(1, 0.5), (0.5, 1), (0, None)]
    assert [(p.coverage, p.precision) for p in lines["institutions"]] == [(0.5, 0.5), (0.5, 1), (0, None)]
    assert [(p.coverage, p.precision) for p in lines["authorities"]] == [(1, 1), (0.5, 1), (0, None)]


def test_the_curve_is_a_picture_of_its_own() -> None:
    """Well-formed, described in words, told apart without colours, and nothing in it is fetched or run."""
    policy = Policy(accept={}, review=frozenset(), ask={})
    svg = curve_svg(curve_points([result("a", EVERYTHING, reading())], policy), title="A <title>")
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "text", "line", "polyline", "g", "circle", "path"}
    assert root.get("role") == "img"
    assert "precision 1.000 at coverage 1.000" in (root.findtext("{*}desc") or "")
    dashes = [line.get("stroke-dasharray") for line in root.findall("{*}polyline")]
    assert len(set(dashes)) == len(dashes) == 4
    assert "href" not in svg
    assert curve_svg(curve_points([], policy)).startswith("<svg"), "nothing to draw is an empty plot"


# --- the command


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three messages: read right, labelled with another school than it names, and without labels."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, school in (("right", "Ashmuir Primary School"), ("wrong", "Corran Primary School"), ("bare", "Dun Primary School")):
        (folder / f"{name}.eml").write_text(MAIL.format(name=name, school=school), encoding="utf-8")
    labels = {**EVERYTHING, "outcome": "ask_member", "missing": ["activity"], "activities": [], "topics": []}
    lines = [json.dumps({"id": name, "labels": labels}) for name in ("right", "wrong")]
    (folder / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_the_command_over_a_folder(installation: Callable[..., Installation], corpus: Path, tmp_path: Path) -> None:
    """Figures, differences, what is left out, the saved run and the curve; a second run against the first finds no change."""
    home = installation("evaluate")
    home.write(mailbox=f"folder: {corpus}", smtp_port=None, mode="hold")
    save, curve = tmp_path / "run.json", tmp_path / "curve.svg"
    made = json.loads(home.run("evaluate", str(corpus), "--json", "--save", str(save), "--curve", str(curve)).stdout)
    assert (made["messages"], made["left_out"]) == (2, ["bare"])
    assert made["institutions"]["recall"] == 0.5
    assert made["differences"]["wrong"]["institutions"] == {"wanted": ["ashmuir"], "found": ["corran"]}
    assert curve.read_text(encoding="utf-8").startswith("<svg")
    told = home.run("evaluate", str(corpus), "--against", str(save), "--wrong", "0").stdout
    assert "better: none" in told
    assert "worse: none" in told
    assert "left out: 1 (bare)" in told
    assert "should be" not in told


def test_without_reviewed_registrations_it_says_so(installation: Callable[..., Installation], corpus: Path) -> None:
    home = installation("unreviewed")
    home.write(mailbox=f"folder: {corpus}", smtp_port=None, mode="hold")
    home.poll()
    assert "No registration has been mended by a person yet" in home.run("evaluate").stdout
    assert json.loads(home.run("evaluate", "--json").stdout)["messages"] == 0


def test_what_a_person_mended_is_the_truth(tmp_path: Path, corpus: Path) -> None:
    """A registration with a value that a person gave is measured against its message; others are not."""
    import hashlib

    from mailroom.model import Arrival, MessageState
    from store import FieldValue, Record, RegistrationDraft, RegistrationState, Store

    now = datetime(2022, 1, 10, tzinfo=UTC)
    reader = open_reader()
    contents = [(corpus / f"{name}.eml").read_bytes() for name in ("right", "wrong")]
    with Store(f"sqlite:///{tmp_path / 'mailroom.db'}") as store:
        store.ensure_current()
        arrivals = [
            Arrival(
                mailbox="box",
                uidvalidity=1,
                uid=uid,
                internal_date=now,
                fetched_at=now,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                content=content,
            )
            for uid, content in enumerate(contents, 1)
        ]
        store.add_arrivals(arrivals, now)
        for message in store.waiting():
            read = reader.read(message.content)
            school = next(c for c in read.extraction.candidates if c.slot is Slot.INSTITUTION)
            mended = b"Corran" in message.content
            value = FieldValue(
                field="institution",
                value="Glenmuir Primary School" if mended else school.value,
                evidence=() if mended else (school.evidence,),
                person="m.reid" if mended else None,
            )
            draft = RegistrationDraft(member_name="Isla", member_address="isla@school.example", state=RegistrationState.REVIEW, values=(value,))
            store.record_many([Record(message_id=message.id, reading=read, state=MessageState.REVIEW, registration=draft)], now)
        items, left_out = reviewed_registrations(store)
    assert left_out == []
    assert [item.labels["institutions"] for item in items] == [["Glenmuir Primary School"]]
    (measured,) = [measure(item, reader.read(item.content), Names()) for item in items]
    assert measured.wrong["institutions"].found == ("corran",)
    assert "kind" not in measured.fields
