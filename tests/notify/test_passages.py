"""Sentences of the reply templates: what is offered, and what a change does to both parts of a mail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailroom.errors import MailroomError
from notify.compose import Composer, sample_contexts, text_of_html
from notify.facts import load_facts
from notify.passages import Passage, edited, passages, worded
from notify.templates import template_files

FOLDER = Path(__file__).parents[2] / "programme" / "replies"
FILES = template_files(FOLDER)
FACTS = load_facts(FOLDER.parent)
PASSAGES = passages(FILES)

TWINS = {
    "hello.txt.j2": """Subject: You are on the list

Dear {{ name }}, thank you for writing.
- Take this with you: {{ thing }}
{% if late %}
It is too late now.
{% endif %}
""",
    "hello.html.j2": """<p>Dear <strong>{{ name | unbroken }}</strong>, thank you for writing.</p>
<li>Take this with you: {{ thing }}</li>
{% if late %}<p>It is too late now.</p>{% endif %}
""",
}


def test_a_sentence_is_what_stands_between_code_and_says_what_it_fills_in() -> None:
    assert [one.text for one in passages(TWINS)] == ["Dear {name}, thank you for writing.", "Take this with you: {thing}", "It is too late now."]


def test_a_change_is_written_into_both_parts_with_their_own_code_and_escaped_for_html() -> None:
    dear = passages(TWINS)[0]
    files, unused = edited(TWINS, {dear.id: "Thanks & <regards>, {name}!"})
    assert unused == frozenset()
    assert "Thanks & <regards>, {{ name }}!" in files["hello.txt.j2"]
    assert "<p>Thanks &amp; &lt;regards&gt;, <strong>{{ name | unbroken }}</strong>!</p>" in files["hello.html.j2"]
    assert files["hello.txt.j2"].replace("Thanks & <regards>, {{ name }}!", "Dear {{ name }}, thank you for writing.") == TWINS["hello.txt.j2"]


def test_nothing_changed_leaves_every_file_byte_for_byte() -> None:
    assert edited(FILES, {}) == (FILES, frozenset())
    same, unused = edited(FILES, {one.id: one.text for one in PASSAGES})
    composer, again = Composer(FOLDER), Composer(FOLDER, {one.id: one.text for one in PASSAGES})
    assert unused == frozenset()
    assert same.keys() == FILES.keys()
    for context in sample_contexts(FACTS):
        for name in composer.names:
            assert again.render(name, context) == composer.render(name, context)


def test_a_change_of_what_no_template_says_any_more_is_told_and_does_nothing() -> None:
    assert edited(FILES, {"0123456789ab": "Something new."}) == (FILES, frozenset({"0123456789ab"}))


def test_what_the_answers_say_is_offered_nearly_whole() -> None:
    """Every line of the text part with three words or more that is not built by code alone."""
    offered = " ".join(one.text for one in PASSAGES)
    for answer in ("registered", "ask_member", "review", "updated", "withdrawn", "place", "reminder"):
        assert any(answer in one.answers for one in PASSAGES), answer
    for words in ("thank you for writing to the", "Which council area is your school in?", "You are on its waiting list", "If you change your mind"):
        assert words.casefold() in offered.casefold(), words


@pytest.mark.parametrize("passage", PASSAGES, ids=[one.id for one in PASSAGES])
def test_each_one_can_be_changed_alone_and_both_parts_say_the_same_afterwards(passage: Passage) -> None:
    places = "".join(f" {place}" for place in re.findall(r"\{[^{}]*\}", passage.text))
    said = f"Quite another sentence, 100 % ours & <plain>:{places}"
    composer = Composer(FOLDER, {passage.id: said})
    assert composer.unused == frozenset()
    seen = 0
    for context in sample_contexts(FACTS):
        for name in passage.answers:
            rendered = composer.render(name, context)
            seen += "Quite another sentence, 100 % ours & <plain>:" in rendered.text
            words = [line.strip().removeprefix("- ").split() for line in rendered.text.split("\n")]
            assert [word for line in words for word in line] == " ".join(text_of_html(rendered.html)).split(), (name, passage.text)
    assert seen, passage.text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("  ", "cannot be empty"),
        ("Hello {nobody}, welcome.", "There is nothing called {nobody} to fill in here; there is {name}"),
        ("{name} and {name} again", "stands there twice"),
        ("Hello {{ name }}", "cannot stand in an answer|nothing called"),
        ("Hello {% raw %}", "nothing called|cannot stand"),
        ("Hello {", "cannot stand in an answer"),
        ("x" * 2001, "2000 is the most"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(given: str, told: str) -> None:
    with pytest.raises(MailroomError, match=told):
        worded(Passage(id="x", text="Dear {name}, thank you.", answers=()), given)


def test_a_place_may_move_or_go() -> None:
    passage = Passage(id="x", text="Dear {name}, thank you.", answers=())
    assert worded(passage, "  Thank you,\n {name}. ") == "Thank you, {name}."
    assert worded(passage, "Thank you all.") == "Thank you all."
