"""Activities are read from cues, from the right zones, and not at all where a text leaves it open."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import Address, ParsedMessage, Zone, ZoneKind
from parse.activities import ACTIVITIES, Activities, ActivityFinder
from parse.optionanswers import listings
from parse.textview import TextView
from parse.views import views

ROOT = Path(__file__).parents[2]
FINDER = ActivityFinder(ROOT / "programme")


def message(*stretches: tuple[ZoneKind, str], subject: str = "") -> ParsedMessage:
    """A parsed message whose body is these zones, one after another."""
    body, zones = "", []
    for kind, text in stretches:
        zones.append(Zone(kind=kind, start=len(body), end=len(body) + len(text)))
        body += text + "\n\n"
    empty: dict[str, tuple[()]] = dict.fromkeys(
        ("message_ids", "in_reply_to", "references", "from_addresses", "reply_to", "recipients", "headers", "attachments", "content_types", "defects"), ()
    )
    return ParsedMessage(
        **empty, sender=None, subject=subject, sent_at=None, return_path=None, body=body, zones=tuple(zones), report=None, calendar_method=None
    )


def read(parsed: ParsedMessage) -> Activities:
    return FINDER.find(parsed, views(parsed))


def own(text: str) -> tuple[str, ...]:
    return read(message((ZoneKind.OWN, text))).activities


@pytest.mark.parametrize(
    ("text", "activities"),
    [
        ("Four of us have been comparing homework tasks since August. We each keep a log and pool the results on Fridays.", ("existing_collaborative",)),
        ("I did an enquiry of my own on spelling last year, kept notes, and would love other teachers to join me.", ("existing_individual",)),
        ("Five teachers here hope to research lateness together. We've agreed the question but nothing has been started.", ("proposed_collaborative",)),
        ("We've had a reading group on trauma for two years and would now like to turn what we have read into research.", ("learning_collaborative",)),
        ("Please could you tell me when the next session is?", ()),
        ("I'm not part of a group and have no enquiry. I'd just like the dates.", ()),
    ],
)
def test_the_four_activities_and_none(text: str, activities: tuple[str, ...]) -> None:
    """Plain tellings of each activity are read, and a message without one gives none."""
    assert own(text) == activities


STORY = (
    "My grandmother kept hens behind the old schoolhouse and I still pass it on the way to work. The roof went in the storm. "
    "The janitor found a slate in the football pitch and a gull in the boiler room. My brother says it served us right. "
    "There was soup at the hall afterwards, lentil, and nobody went home before nine. "
)


@pytest.mark.parametrize(
    ("told", "activities"),
    [
        (
            "Over that soup four of us agreed that we would like to find out together why attendance falls on a Friday. We have not begun.",
            "proposed_collaborative",
        ),
        (
            "I began the weather diary by myself; since then Eilidh and Tam have joined me and the three of us compare ours every month.",
            "existing_collaborative",
        ),
        ("There were three of us at first. The others moved on, and I've carried on with my enquiry by myself; I'd welcome company.", "existing_individual"),
    ],
)
def test_a_long_story_hides_nothing(told: str, activities: str) -> None:
    """What is told once and plainly counts, however much stands round it, and what became of a group or an enquiry is heard."""
    assert own(STORY + told + " " + STORY) == (activities,)


def test_two_activities_in_one_message() -> None:
    """Both are taken where another matter is announced and both are clear, in the fixed order."""
    text = (
        "I have a solo enquiry of my own on maps, done last year, which I would like other teachers to extend with me. "
        "Separately, five of us in the department compare retrieval scores every week and have kept a joint log since August."
    )
    assert own(text) == ("existing_collaborative", "existing_individual")


def test_two_matters_part_where_they_are_announced() -> None:
    """Where a second matter is announced it begins there, and not at its own plan in the next sentence."""
    text = (
        "Two hats. Hat one: on my own I'm 16 months into an enquiry on vocabulary, and anybody would be made very welcome to join. "
        "Hat two: I belong to a lunchtime group that meets to read about cognitive load. It's only been reading. "
        "Come Easter we mean to test something together, as research."
    )
    assert own(text) == ("existing_individual", "learning_collaborative")


@pytest.mark.parametrize("kind", [ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.SIGNATURE, ZoneKind.DISCLAIMER, ZoneKind.BANNER, ZoneKind.TAGLINE])
def test_words_that_are_not_the_members_never_count(kind: ZoneKind) -> None:
    """A quoted account of an enquiry gives no activity and no candidate."""
    told = "I did an enquiry of my own on spelling last year, kept notes, and would love other teachers to join me."
    found = read(message((ZoneKind.OWN, "Thanks, see below."), (kind, told)))
    assert found.activities == ()
    assert {candidate.evidence.where for candidate in found.candidates} <= {"own"}


def test_evidence_slices_back_to_the_source() -> None:
    """Every candidate's evidence is the text at its offsets, also through a hard wrap and curly quotes."""
    parsed = message((ZoneKind.OWN, "We\u2019ve had a reading group on trauma for two years and would now like to turn\nwhat we have read into research."))
    found = read(parsed)
    assert found.candidates
    for candidate in found.candidates:
        assert parsed.slice(candidate.evidence) == candidate.evidence.text


@pytest.mark.parametrize(
    ("text", "activities"),
    [
        ("It's not a reading group. Three of us want to start a piece of research on school dinners together.", ("proposed_collaborative",)),
        ("You have us as a reading group. That is not what this is. Five of us plan a study together, from scratch.", ("proposed_collaborative",)),
        ("We did a course together on dyslexia. We have no wish to take it further. Are the sessions recorded?", ()),
        ("Our sister school has been researching play for two years and they pool their notes. We've nothing like that, I only ask.", ()),
    ],
)
def test_what_is_denied_is_not_told(text: str, activities: tuple[str, ...]) -> None:
    """What stands in a denial, what the next sentence takes back and what others do counts for nothing."""
    assert own(text) == activities


def test_losing_cues_are_kept() -> None:
    """A cue that speaks for another activity than the chosen one stays among the candidates, not chosen."""
    found = read(message((ZoneKind.OWN, "Five teachers here hope to research lateness together. Nothing has been started. I kept a diary once.")))
    assert {c.chosen for c in found.candidates} == {True, False}


OPTIONS = (
    "Which is you?\n(a) a group that already does research together\n(b) one teacher with an enquiry of your own that others could join\n"
    "(c) a group that would like to research a topic together and has not begun\n(d) a group that has been learning together and now wants to do research"
)


@pytest.mark.parametrize(
    ("answer", "activities"),
    [
        ("(b)", ("existing_individual",)),
        ("B please", ("existing_individual",)),
        ("The second one, please. Thanks, Ann", ("existing_individual",)),
        ("It's c.", ("proposed_collaborative",)),
        ("Option d for us", ("learning_collaborative",)),
        ("(a) and (c)", ("existing_collaborative", "proposed_collaborative")),
        ("The last one", ("learning_collaborative",)),
        ("A bit late, sorry!", ()),
        ("I'd say b). a) and d) are not for us.", ("existing_individual",)),
        ("Last spring I'd have said c. Now it's a.", ("existing_collaborative",)),
        ("A and D, in equal measure. B was last year. Never C.", ("existing_collaborative", "learning_collaborative")),
        ("(c) fits best. And (b) as well. Not (a).", ("existing_individual", "proposed_collaborative")),
        ("All of them except a and c.", ("existing_individual", "learning_collaborative")),
        ("Everything but 1 and 3", ()),
        ("Which of yours: the second, mine alone.", ("existing_individual",)),
        ("third one down, thanks", ("proposed_collaborative",)),
        ("D is nearest", ("learning_collaborative",)),
        ("Neither a nor b, it's c", ("proposed_collaborative",)),
    ],
)
def test_answers_by_letter_or_ordinal(answer: str, activities: tuple[str, ...]) -> None:
    """A letter or ordinal is read against the options in the quoted mail."""
    assert read(message((ZoneKind.OWN, answer), (ZoneKind.OWN_QUOTE, OPTIONS))).activities == activities


BRIEF_OPTIONS = (
    "Quick question:\n1 - group at work already\n2 - one person's enquiry, others welcome\n3 - learned together, project intended\n"
    "4 - a topic, nothing begun\n\nWhich, please?"
)


@pytest.mark.parametrize(
    ("answer", "activities"),
    [
        ("2", ("existing_individual",)),
        ("Option 4 for us", ("proposed_collaborative",)),
        ("Everything on your list except 2 and 4, please.", ("existing_collaborative", "learning_collaborative")),
        ("It's number 3. 4 is over.", ("learning_collaborative",)),
    ],
)
def test_options_are_told_apart_together(answer: str, activities: tuple[str, ...]) -> None:
    """What one short option leaves open the others settle: each activity stands once in such a list."""
    assert read(message((ZoneKind.OWN, answer), (ZoneKind.OWN_QUOTE, BRIEF_OPTIONS))).activities == activities


NUMBERED = (
    "1. Which school?\n2. Which is nearest: (a) research you already do with colleagues, (b) your own enquiry, (c) a plan that a few of you have, "
    "(d) learning you have done together and want to research?\n3. Which session: (a) 19th (b) 25th"
)
BULLETS = (
    "Are you:\n* colleagues who already research together\n* someone with your own project, looking for company\n"
    "* colleagues with a plan but nothing started\n* colleagues who have done training together and now want to research it\nThanks"
)
PROSE = "Which fits: a research group already running, one teacher's enquiry, a group being planned, or a group that has learned together?"
ROMAN = "Is it I group with joint research in progress / II group intending to research an agreed topic / III learners wishing to research / IV lone enquirer?"


@pytest.mark.parametrize(
    ("options", "answer", "activities"),
    [
        (NUMBERED, "1. Loanhead PS\n2. b\n3. a", ("existing_individual",)),
        (NUMBERED, "1) Loanhead\n2) c I'd say\n3) b", ("proposed_collaborative",)),
        (NUMBERED, "1. Loanhead PS\n3. b", ()),
        (BULLETS, "We are the bottom one!", ("learning_collaborative",)),
        (BULLETS, "The description that fits is your third one.", ("proposed_collaborative",)),
        (BULLETS, "First one please. Second session for me.", ("existing_collaborative",)),
        (BULLETS, "The second session for me please.", ()),
        (PROSE, "The last. A whole winter of sign language.", ("learning_collaborative",)),
        (ROMAN, "II, thanks", ("proposed_collaborative",)),
        (ROMAN, "I think I told you already, sorry.", ()),
        ("a - research we do as a few colleagues\nb - research I'm doing alone but want company in\nc - research we plan", "b :)", ("existing_individual",)),
        ("Is that (a) a group that does research together already, or (b) an enquiry of your own, others welcome?", "(b), only (b).", ("existing_individual",)),
        ("Which is yours, (a) the primary in Fife or (b) the primary in Angus?", "(b), only (b).", ()),
        (OPTIONS, "Not sure. (a) if Ann comes back, (c) if she doesn't.", ()),
        (OPTIONS, "This is the fourth of these mails. I said (b).", ("existing_individual",)),
    ],
)
def test_lists_come_in_many_shapes(options: str, answer: str, activities: tuple[str, ...]) -> None:
    """Numbered questions, bullets, running text, Roman numbers and a choice of two are lists too, where they name activities."""
    assert read(message((ZoneKind.OWN, answer), (ZoneKind.OWN_QUOTE, options))).activities == activities


def test_an_answer_typed_under_its_question_is_of_that_question() -> None:
    """«The second» below the question for a session picks no activity; «the last» below the options does."""
    zones = [
        (ZoneKind.OWN_QUOTE, "Wednesday or Tuesday?"),
        (ZoneKind.INLINE_ANSWER, "The second."),
        (ZoneKind.OWN_QUOTE, PROSE),
        (ZoneKind.INLINE_ANSWER, "The last."),
    ]
    assert read(message(*zones)).activities == ("learning_collaborative",)


def test_a_letter_without_options_says_nothing() -> None:
    """«(b)» to a list that is not about activities, or to none, is no answer."""
    assert read(message((ZoneKind.OWN, "(b)"), (ZoneKind.OWN_QUOTE, "(a) Fife (b) Angus (c) Moray"))).activities == ()


@pytest.mark.parametrize(
    ("zones", "how"),
    [
        (((ZoneKind.OWN, "2"), (ZoneKind.OWN_QUOTE, BRIEF_OPTIONS)), "option"),
        (((ZoneKind.OWN, "Four of us have been comparing homework tasks since August, and pool what we log on Fridays."),), "told"),
        (((ZoneKind.OWN, "I'm not part of a group and have no enquiry. I'd just like the dates."),), "none"),
    ],
)
def test_how_an_activity_is_told(zones: tuple[tuple[ZoneKind, str], ...], how: str) -> None:
    """Others ask how sure it is that the writer does something: by one of our options, in words, or not at all."""
    assert read(message(*zones)).how == how


def test_listed_reads_marks_in_order() -> None:
    """Options are found on lines of their own and in running text."""
    assert next(listings("A one thing B another thing C a third")).marks == ("a", "b", "c")
    assert not list(listings("Nothing (a) here."))


def test_options_divided_by_strokes_are_a_list_and_wrapped_lines_are_none() -> None:
    """«(a group at work / your own ... / a new group ...)» stays one list however the program that quotes it wraps."""
    options = ("existing research group", "your own enquiry that others can join", "a new group with a topic", "a group that has been learning together")
    plain = f"What are you doing? ({' / '.join(options)})"
    wrapped = plain.replace("own enquiry", "own\nenquiry").replace("has been", "has\nbeen")
    for quoted in (plain, wrapped):
        assert read(message((ZoneKind.OWN, "The third one."), (ZoneKind.OWN_QUOTE, quoted))).activities == ("proposed_collaborative",)
    assert read(message((ZoneKind.OWN, "The last one."), (ZoneKind.OWN_QUOTE, "\n".join(options)))).activities == ("learning_collaborative",)


def test_boxes_that_are_not_ticked_say_nothing() -> None:
    """Of a form's boxes only the ticked one counts, and headings answered with «n/a» do not."""
    boxes = "[ ] a group already doing research\n[x] one teacher who has done an enquiry and wants others to join\n[ ] a group that has learned together"
    found = read(message((ZoneKind.OWN, boxes)))
    assert {c.evidence.start for c in found.candidates} <= set(range(boxes.index("[x]"), boxes.rindex("[ ]")))
    assert read(message((ZoneKind.OWN, "Existing research group? n/a\nIndividual enquiry? no"))).candidates == ()


FRAME = "Hello,\n\nI'd like to take part in the programme. I work at a primary in Fife and have a place on the training on 25 January.\n\n{}\n\nThanks,\nJo"


@pytest.mark.parametrize(
    ("told", "activities"),
    [
        ("There's four of us here already researching exit tickets.", ("existing_collaborative",)),
        ("For the past session I have been conducting, along with two stage partners, joint research into home learning grids.", ("existing_collaborative",)),
        ("It's me with an enquiry that's already going (reports), which I'm opening up to whoever fancies it.", ("existing_individual",)),
        ("We're the group with the topic picked but not begun (number talks).", ("proposed_collaborative",)),
        ("Course behind us (coaching, six of us). Research before us, we hope.", ("learning_collaborative",)),
        ("I finished a study on phonics in June and don't really want others in on it.", ()),
        ("It's just me, no enquiry under way.", ()),
    ],
)
def test_what_stands_round_it_does_not_drown_it(told: str, activities: tuple[str, ...]) -> None:
    """An activity that is told in one sentence is read within what every letter says besides."""
    assert own(FRAME.format(told)) == activities


@pytest.mark.parametrize(
    ("ending", "activities"),
    [
        ("on how pupils revise, with nothing begun.", ("proposed_collaborative",)),
        ("but we haven't a clue yet what on.", ()),
        ("but haven't settled on a topic.", ()),
        ("with no idea on what.", ()),
    ],
)
def test_a_group_is_proposed_round_a_topic_that_is_chosen(ending: str, activities: tuple[str, ...]) -> None:
    assert own(f"Four of us in school would like to do some research together {ending}") == activities


def test_our_question_is_no_evidence_where_the_answer_stands_in_its_line() -> None:
    asked = "3. Is your group already researching, or just proposing? - Proposing. No work done so far."
    form = f"1. Your school - see below\n2. Council - the same\n{asked}\n4. Topic - maths"
    assert own(form) == ("proposed_collaborative",)


def test_talk_of_the_programme_is_masked() -> None:
    """Booking the facilitator training is no training that a group did together."""
    found = read(message((ZoneKind.OWN, "I have signed up for the facilitator training session on Tuesday.")))
    assert not any(c.evidence.rule.startswith("learn") for c in found.candidates)


@pytest.mark.parametrize(
    ("file", "precision", "recall"), [("activities.tsv", 0.97, 0.92), ("activities_aside.tsv", 0.95, 0.8), ("checked_activities.tsv", 0.9, 0.8)]
)
def test_our_own_passages_are_read_well(file: str, precision: float, recall: float) -> None:
    """Over our own passages, those that the weights were fitted to and those kept aside, the figures stay."""
    right = given = true = 0
    with (ROOT / "tests" / "corpus" / file).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            wanted = set(row["activities"].split(",")) - {"none"}
            assert wanted <= set(ACTIVITIES), row["id"]
            got = set(own(row["text"]))
            right, given, true = right + len(got & wanted), given + len(got), true + len(wanted)
    assert right / given >= precision
    assert right / true >= recall


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("accept: ", "accept: high # "), "accept"),
        (("says: who.we\n", "says: who.wee\n"), "who.wee"),
        (("  who.we: {", "  who.we: {existing_group: 1, "), "existing_group"),
    ],
)
def test_mistakes_in_the_rules_name_file_and_line(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    """A wrong number, an unknown cue and an unknown activity are told with file and line."""
    (tmp_path / "rules").mkdir()
    text = (ROOT / "programme" / "rules" / "activities.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "rules" / "activities.yaml").write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError, match=complaint) as error:
        ActivityFinder(tmp_path)
    assert error.value.line


def test_hostile_text_stays_linear() -> None:
    """A line of a hundred thousand semicolons, boxes and marks is read in seconds, not hours."""
    start = time.process_time()
    for text in ("we ; " * 20_000, "(b) - \n" * 20_000, "[ ] a group\n" * 10_000 + "[x] b", "separately we compare. " * 5_000):
        read(message((ZoneKind.OWN, text), (ZoneKind.QUOTE, text)))
    for text in ("no. " * 10_000 + "x", "no\n" * 10_000):  # words that lead to an answer which never comes
        read(message((ZoneKind.OWN, text), (ZoneKind.OWN_QUOTE, OPTIONS)))
    assert time.process_time() - start < 60


def test_order_of_views_and_repeats_give_the_same_answer() -> None:
    """Reading is a pure function of the text."""
    view = TextView("We have been comparing our logs since August, the four of us.", where="own")
    assert FINDER.decide(FINDER.parts(view)) == FINDER.decide(FINDER.parts(view))


GROUP = "Are you a group that has been learning together for some time and now wants to do a research project?"


@pytest.mark.parametrize(
    ("quoted", "answer", "activities"),
    [
        (
            "Are you a group that has been learning together for some time and now wants to do a research project?",
            "Yes, that's the one.",
            ("learning_collaborative",),
        ),
        ("Do we have it right: an existing group of five, already researching together?", "Aye, that's us. One is retiring.", ("existing_collaborative",)),
        (
            "We think that yours is a group that has been learning together and now wants to do research. Is that right?",
            "Good morning - yes, that's us exactly.",
            ("learning_collaborative",),
        ),
        ("It seems that you are a proposed group of five, yet to begin. Would that be fair?", "You've understood it perfectly.", ("proposed_collaborative",)),
        ("We think that yours is a group that has been learning together and now wants to do research. Is that right?", "Not quite.", ()),
        ("Are you a group that has been learning together and now wants to research?", "Yes, but not any more.", ()),
        ("Are you a group that has been learning together and now wants to research?", "Yes please, add me to the list.", ()),
        (
            "Are you a group that has been learning together and now wants to research? Or is it one teacher's own enquiry that others may join?",
            "Yes, that's right.",
            (),
        ),
        (
            f"Hello\n\n1) Which school are you in?\n2) {GROUP}",
            "Prelims. Sorry. Here you are:\n\n1) Ashmuir High. In Fife.\n2) yes\n3) not the 19th",
            ("learning_collaborative",),
        ),
        (f"Hello\n\n1) Which school are you in?\n2) {GROUP}", "Prelims. Sorry. Here you are:\n\n1) yes\n2) Fife\n3) the 19th", ()),
        (f"Hello\n\n1) Which school are you in?\n2) {GROUP}", "Prelims. Sorry. Here you are:\n\n1) Ashmuir High.\n2) yes, but not any more\n3) 19th", ()),
    ],
)
def test_a_yes_takes_the_one_activity_that_our_question_names(quoted: str, answer: str, activities: tuple[str, ...]) -> None:
    assert read(message((ZoneKind.OWN, answer), (ZoneKind.OWN_QUOTE, quoted))).activities == activities


@pytest.mark.parametrize(
    ("text", "activities"),
    [
        ("Activity no. 2 on your list. Topic: dictionaries in German.", ("existing_individual",)),
        ("Current activity: the fourth on your list.", ("learning_collaborative",)),
        ("The second session on your list suits me.", ()),
    ],
)
def test_an_activity_by_its_place_in_the_list(text: str, activities: tuple[str, ...]) -> None:
    """Who has the page before them may name an activity by its number; a session so named is none."""
    found = read(message((ZoneKind.OWN, text)))
    assert found.activities == activities
    assert all(candidate.evidence.text in text for candidate in found.candidates)


def test_a_yes_to_a_group_that_the_question_names() -> None:
    """«That one, yes» above a question that names one activity outright."""
    asked = "Dear Bernard, do you mean the academy at Glenmore, with the proposed group?"
    assert read(message((ZoneKind.OWN, "That one, yes."), (ZoneKind.QUOTE, asked))).activities == ("proposed_collaborative",)


LIST = (
    "Which of the four is it?\n   a) an existing collaborative\n   b) an existing individual project\n"
    "   c) a proposed collaborative\n   d) a learning collaborative"
)


@pytest.mark.parametrize(
    ("answer", "activities"),
    [
        ("I'm the third of your four... no wait, second. My study is the mud kitchen.", ("existing_individual",)),
        ("I'm the second of your four. The third of your four would be nice some day, too.", ("existing_individual", "proposed_collaborative")),
        ("Ashmuir Primary, A&B. We've been learning together about play for two years and want to do a research project now.", ("learning_collaborative",)),
        ("A & B, please.", ("existing_collaborative", "existing_individual")),
        ("I've a place on the first of the two training sessions. Topic: play.", ()),
        ("First, thank you for the diary. Second, to business: my school is Ashmuir Primary.", ()),
        ("Over the last of the mince pies we talked about you.", ()),
        ("It's the last of your four.", ("learning_collaborative",)),
        ("Two questions:\n\n(a) Is ethical approval handled by the university?\n\n(b) Who owns the data at the end of it?", ()),
        ("a) it is, with five teachers\nb) no", ("existing_collaborative",)),
        ("Ashmuir Primary, Fife.\n\nA. Hill-Burns, P4", ()),
        ("Ashmuir Primary, Fife. I shall write again about the rest.\n\nA", ()),
        ("A", ("existing_collaborative",)),
        ("I don't trust that number one bit.", ()),
    ],
)
def test_what_is_picked_from_our_list_is_put_right_and_is_no_council(answer: str, activities: tuple[str, ...]) -> None:
    """«A&B» is how Argyll and Bute is written for short; ordinals of other things, lists of the writer's own and initials of the writer pick nothing."""
    told = replace(message((ZoneKind.OWN, answer), (ZoneKind.OWN_QUOTE, LIST)), sender=Address(name="Agnes Hill-Burns", address="a@example.org"))
    assert read(told).activities == activities
