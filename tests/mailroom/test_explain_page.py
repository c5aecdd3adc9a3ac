"""The page of one message: complete, escaped, nothing from outside, readable without colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailroom.explain_page import page, value_labels
from mailroom.extracting import open_reader
from mailroom.model import Slot
from mailroom.show import reading_facts
from tests.fixtures.installation import Installation

MAIL = """\
From: "Isla Dun" <isla@school.example>
To: car@union.example
Subject: Action research: Ashmuir Primary
Date: Mon, 10 Jan 2022 10:00:00 +0000
Message-ID: <page@school.example>
Content-Type: text/plain; charset=utf-8

Hello,

I teach at Ashmuir Primary School in Fife; before that I taught at Corran Primary School. Three of us are already
running our own action research group on spelling & reading, and we would like to take part.

<script>alert(1)</script> https://evil.example/x

Isla

On 5 Jan 2022 somebody <x@union.example> wrote:
> Which "school" are you at?
"""


class _Collected(HTMLParser):
    """Tags with attributes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def collected(html: str) -> _Collected:
    found = _Collected()
    found.feed(html)
    found.close()
    assert not found.open, "every element is closed"
    return found


@pytest.fixture(scope="module")
def made() -> str:
    reading = open_reader().read(MAIL.encode())
    return page(reading_facts("page", reading), value_labels(None, None))


def test_nothing_is_run_or_fetched(made: str) -> None:
    """No script, no link but to the page's own rows, no style beside the one that the policy names."""
    found = collected(made)
    assert not {"script", "img", "iframe", "object", "form", "link", "base"} & {tag for tag, _ in found.tags}
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], tag
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] for tag, a in found.tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_what_was_written_is_shown_as_text(made: str) -> None:
    text = " ".join(collected(made).text.split())
    assert "<script>alert(1)</script>" in text
    assert 'Which "school" are you at?' in text


def test_zones_and_evidence_are_named_in_words(made: str) -> None:
    """Each zone has its heading, each mark its field and a number that leads to its row."""
    found = collected(made)
    assert "own words" in found.text
    marks = re.findall(r'<mark class="(\w+)"><a href="#(c\d+)">(\w+) \d+</a>', made)
    fields = {field for _, _, field in marks}
    assert "institution" in fields
    assert len(fields) >= 3
    ids = {a["id"] for tag, a in found.tags if tag == "tr" and "id" in a}
    assert all(row in ids for _, row, _ in marks)


def test_the_losing_candidate_says_why(made: str) -> None:
    lost = made[made.index("found and not chosen") :]
    assert "Corran Primary School" in lost[: lost.index("<h2>Decision")]
    assert "A former school or post." in lost


def test_the_decision_and_labels_stand_there(made: str) -> None:
    assert re.search(r'<li class="hit">[a-z-]+: held, and decided', made)
    labels = value_labels(None, None)
    assert labels["existing_collaborative"] in made


def test_overlapping_evidence_stays_well_formed() -> None:
    """Marks are cut where evidence overlaps, and the text between stays whole."""
    facts = reading_facts("x", open_reader().read(MAIL.encode()))
    text = facts["body"]
    common = {"value": "v", "strength": 1.0, "chosen": True, "note": "", "where": "own", "rule": "r", "text": "t"}
    facts["candidates"] = [
        {**common, "field": "institution", "start": 0, "end": 20},
        {**common, "field": "topic", "start": 10, "end": 40},
        {**common, "field": "session", "start": 12, "end": 15},
    ]
    made = page(facts)
    collected(made)
    own = made[made.index('<section class="zone own">') :]
    body = re.sub(r"<a [^>]*>[^<]*</a>", "", own[own.index('dir="auto">') + 11 : own.index("</div>")])
    shown = re.sub(r"<[^>]+>", "", body).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#x27;", "'").replace("&amp;", "&")
    assert shown == text[: len(shown)]
    assert len(shown) > 40


def test_control_characters_cannot_turn_the_text_round() -> None:
    facts = reading_facts("x", open_reader().read(MAIL.replace("Hello,", "Hello \u202edlrow\u001b[31m,").encode()))
    made = page(facts)
    assert "\u202e" not in made
    assert "\u001b" not in made


def test_a_stored_message_and_a_file(installation: Callable[..., Installation], tmp_path: Path) -> None:
    """With a store the page also tells state, replies and history; a file needs none."""
    box = tmp_path / "box"
    box.mkdir()
    (box / "one.eml").write_text(MAIL, encoding="utf-8")
    home = installation()
    home.write(mailbox=f"folder: {box}", smtp_port=None, mode="hold")
    home.poll()
    home.run("explain", "<page@school.example>", "--html", str(tmp_path / "stored.html"))
    stored = (tmp_path / "stored.html").read_text(encoding="utf-8")
    text = collected(stored).text
    assert "isla@school.example" in text
    assert all(heading in text for heading in ("Replies", "History", "held", "mailroom"))
    assert home.run("explain", ok=False).returncode == 2
    assert home.run("explain", "1", "--file", str(box / "one.eml"), ok=False).returncode == 2
    told = home.run("explain", "--file", str(box / "one.eml")).stdout
    assert "Ashmuir Primary School" in told
    assert "history" not in told


def test_every_field_has_a_style_of_its_own(made: str) -> None:
    """A field that the model gains later must not stay without one."""
    style = made[made.index("<style>") : made.index("</style>")]
    rules = [re.search(rf"\.{slot}\{{([^}}]*)\}}", style) for slot in Slot]
    assert len({rule[1] for rule in rules if rule}) == len(Slot)
