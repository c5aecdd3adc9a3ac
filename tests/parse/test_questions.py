"""Whether a person must answer, over examples written for this and kept in tests/corpus."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailroom.model import ParsedMessage, Zone, ZoneKind
from parse import questions
from parse.message import parse_message
from parse.questions import QuestionFinder, Questions
from parse.views import views

PROGRAMME = Path(__file__).parents[2] / "programme"
CORPUS = Path(__file__).parents[1] / "corpus"
EMPTY = parse_message(b"From: ann@example.org\r\n\r\n")


def rows(name: str) -> list[tuple[str, str]]:
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        return [(r["asks"], r["text"].replace("\\n", "\n")) for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def message(text: str, kind: ZoneKind = ZoneKind.OWN, subject: str = "") -> ParsedMessage:
    return replace(EMPTY, subject=subject, body=text, zones=(Zone(kind=kind, start=0, end=len(text)),))


@pytest.fixture(scope="module")
def finder() -> QuestionFinder:
    return QuestionFinder(PROGRAMME)


def read(finder: QuestionFinder, text: str, **options: str) -> Questions:
    parsed = message(text, **options)  # type: ignore[arg-type]
    return finder.find(parsed, views(parsed))


# Who asks is a matter of degree: the tables are held to a share of these short texts, not to each of them.
FLOORS = {"questions.tsv": (0.80, 0.80), "questions_aside.tsv": (0.72, 0.72)}


@pytest.mark.parametrize("name", FLOORS)
def test_question_is_told_from_research_and_courtesy(finder: QuestionFinder, name: str) -> None:
    """Only what a person must answer counts: precision and recall over short texts, out of their mail."""
    found = [(wanted == "yes", read(finder, text).asks) for wanted, text in rows(name)]
    right = sum(wanted and said for wanted, said in found)
    assert len(found) >= 90
    assert right / sum(said for _, said in found) >= FLOORS[name][0]
    assert right / sum(wanted for wanted, _ in found) >= FLOORS[name][1]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Could you tell me whether cover is paid?", True),
        ("I'd like to know if a job-sharer can join, and who pays.", True),
        ("Is there a fee for the training?", True),
        ("It doesn't say anywhere who pays the supply. Please advise.", True),
        ("is there a limit on how many from one school", True),
        ("My head wants to know who pays. Can you tell us?", True),
        ("I've two pupils who lip-read and would need captions, if someone could see to that.", True),
        ("We've drafted a letter for parents and I've no idea if it's you or the council that passes it. Say which and it's away.", True),
        ("My head wonders if she would be allowed to come too. I said I'd find out.", True),
        ("Kindly send the joining link to this address tonight.", True),
        ("also how do i get the slides from the tuesday one", True),
        ("One of the PTs has asked me to find out how many evenings it takes.", True),
        ("I'd like to join. I suppose you'll want to know what I'm doing. Nothing yet.", False),
        ("I would like to take part. Please send whatever I need to complete.", False),
        ("My mentor has asked and it's fine for probationers.", False),
        ("Any other wee school fancy doing it too? I'd share everything.", False),
        ("Please tell me if anything is missing.", False),
        ("Does sketching first help P5 to write? That is our question.", False),
        ("Did I get the date right? Yes, I've checked.", False),
        ("Please confirm receipt.", False),
        ("Could you add us to the list?", False),
        ("Let me know if you need anything else.", False),
        ("I wondered about cover but our head says it is sorted.", False),
    ],
)
def test_plain_cases(finder: QuestionFinder, text: str, asks: bool) -> None:
    """What nobody would doubt."""
    assert read(finder, text).asks is asks


def test_sentence_says_what_was_seen_in_it(finder: QuestionFinder) -> None:
    """Each sentence keeps its cues, those of its neighbours and its form, so that a weight can be traced."""
    parsed = message("Is there a fee? I think not.")
    first, second = finder.sentences(views(parsed)[0])[0]
    assert first.marked
    assert {"about.money", "form.is-there", "next:calm.answer"} <= first.cues
    assert not second.marked
    assert "before:question" in second.cues
    alone = finder.sentences(views(message("Is there a fee?"))[0])[0][0]
    assert finder.probability(first) < finder.probability(alone) - 0.3  # an answer speaks against it, if not enough to let «I think not» pass


@pytest.mark.parametrize("kind", [ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.SIGNATURE])
def test_quoted_question_is_not_the_members(finder: QuestionFinder, kind: ZoneKind) -> None:
    """Our own question, quoted below an answer, needs no answer from us."""
    assert not read(finder, "Which council is your school in?", kind=kind).asks


def test_subject_of_a_reply_is_the_question_that_was_answered(finder: QuestionFinder) -> None:
    """A first message may ask in its subject, a reply repeats ours."""
    assert read(finder, "It's Fife.", subject="Is there a fee?").asks
    assert not read(finder, "It's Fife.", subject="Re: Which council is your school in?").asks


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I want to make a formal complaint.", "complaint"),
        ("I have a child protection concern about a pupil.", "safeguarding"),
        ("Please send me copies of everything you hold about me.", "data_request"),
        ("Kindly erase my personal data.", "data_request"),
    ],
)
def test_concern_needs_a_person_though_nothing_is_asked(finder: QuestionFinder, text: str, code: str) -> None:
    """Complaints, safety and personal data each have a reason of their own."""
    found = read(finder, text)
    assert found.concerns == (code,)
    assert code in {reason.code for reason in found.reasons}


def test_evidence_slices_back_to_its_text(finder: QuestionFinder) -> None:
    """Whatever is found, source[start:end] is the text that is shown."""
    for _, text in rows("questions.tsv"):
        parsed = message(text)
        for candidate in finder.find(parsed, views(parsed)).candidates:
            assert parsed.slice(candidate.evidence) == candidate.evidence.text != ""


def test_questions_of_a_form_have_their_answers() -> None:
    """Three or more whole lines that ask, each answered beside or below it, are our questions; fewer may be the member's."""
    finder = QuestionFinder(PROGRAMME)
    form = "Where do you work?\nKirk Primary, in Fife.\nIs it open to others?\nWide open.\nWhich date?\nThe 25th.\n"
    marked = [sentence for sentence in finder.sentences(views(message(form))[0])[0] if sentence.marked]
    assert len(marked) == 3
    assert all("form:filled-in" in sentence.cues for sentence in marked)
    assert not read(finder, form).asks
    list_of_questions = "Is there a fee?\nWho pays for cover?\nIs it on Teams?\n"
    assert not any("form:filled-in" in s.cues for s in finder.sentences(views(message(list_of_questions))[0])[0])
    assert read(finder, list_of_questions).asks


def test_announced_question_is_known_by_its_announcement() -> None:
    """«One matter I must ask first»: what follows is to us, unless it is our enquiry's own question."""
    finder = QuestionFinder(PROGRAMME)
    _, announced = finder.sentences(views(message("One matter I must ask first. Do the parents sign?"))[0])[0]
    _, own = finder.sentences(views(message("We have one question about pupils. Do they read?"))[0])[0]
    assert "after:announced" in announced.cues
    assert "after:announced" not in own.cues
    answered, _ = finder.sentences(views(message("When do we begin? When somebody shows us how."))[0])[0]
    assert "next:same-opening" in answered.cues


def test_quoted_question_within_a_sentence_asks_nobody() -> None:
    """Nor does the label of a list, answered on its line."""
    finder = QuestionFinder(PROGRAMME)
    assert not read(finder, 'Students keep a "what would you say?" notebook on placement and I read it.').asks
    assert not read(finder, "\u2022 do I want a biscuit: yes").asks


@pytest.mark.parametrize(
    "text",
    [
        "One of the slips says that her stepfather comes into her room. I've told nobody so far.",
        "A wee girl in the group came in with marks on her arms and wouldn't say why.",
        "On Thursday a boy showed me his wrists. He made me promise not to tell.",
        "I'm not coping. I sit in the car and cry before I go in.",
        "A colleague has been messaging a girl in sixth year.",
    ],
)
def test_worry_in_everyday_words_needs_a_person(finder: QuestionFinder, text: str) -> None:
    """Who has a child in danger before them seldom writes «safeguarding»: several light words of a few sentences tell it together."""
    assert read(finder, text).concerns == ("safeguarding",)


@pytest.mark.parametrize(
    "text",
    [
        "A boy told me that he reads at home with his dad, which is what we're after.",
        "The children are scared of getting it wrong. Half of our homes have nobody who works.",
        "I've told nobody yet that I'm doing this, in case it flops.",
        "A girl in P5 said that long division makes her want to cry.",
        "I sat in the base with Jo, and we would like to join.",
        "Our assistant has been following up with pupils.",
        "I want to know how long I can take over the form.",
        "A girl in S4 is dreading her exams and her mother helps her at home.",
        "The boy in my study has an injury to his wrist, so it's later than I said.",
        "I'm frightened to speak in public, but I'd like the training.",
    ],
)
def test_light_words_of_worry_alone_are_none(finder: QuestionFinder, text: str) -> None:
    """Research speaks of homes, fears and single children, too."""
    assert read(finder, text).concerns == ()


def test_a_long_sentence_full_of_worries_costs_in_proportion_to_its_length(finder: QuestionFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wording of every rule in one sentence was held against every other, for each of them anew."""
    compared = 0

    def counting(hits: Iterable[Any]) -> list[Any]:
        nonlocal compared
        several = list(hits)
        compared += len(several)
        return once_said(several)

    once_said = questions._once_said
    monkeypatch.setattr(questions, "_once_said", counting)
    few, many = ("her stepfather has bruises and " * times for times in (20, 400))
    read(finder, few)
    for_few, compared = compared, 0
    assert read(finder, many).concerns == ("safeguarding",)
    assert compared <= 2 * for_few


def test_light_words_far_apart_do_not_add_up(finder: QuestionFinder) -> None:
    """Only those of neighbouring sentences are of one thing."""
    apart = " ".join(["We meet on Fridays in the base."] * 6)
    assert read(finder, f"A girl showed me her poem. {apart} I've told nobody so far.").concerns == ()


@pytest.mark.parametrize(
    ("text", "worries"),
    [
        ("When I was a boy at home I was belted for being late, hence my interest in homework.", False),
        ("In 1985 we got hit for talking. Now we research talk.", False),
        ("A boy in my class has bruises and is scared to go home.", True),
        ("When I was a girl at home I was beaten every week, and I've told nobody.", True),
    ],
)
def test_what_befell_the_writer_long_ago_is_no_worry_by_itself(finder: QuestionFinder, text: str, worries: bool) -> None:
    """A rule may weigh against a concern, and is no sign of it."""
    found = read(finder, text)
    assert ("safeguarding" in found.concerns) is worries
    assert all(c.strength > 0 for c in found.candidates)
