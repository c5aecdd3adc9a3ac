"""Topics: every rule's own examples, the corpus of statements, and the promises of the finder."""

from __future__ import annotations

import csv
import shutil
import time
import unicodedata
from collections import Counter
from hashlib import sha1
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import Attachment, ParsedMessage, Zone, ZoneKind
from mailroom.reasons import REASONS
from parse.textview import TextView
from parse.topics import TopicFinder, Topics
from parse.views import views

ROOT = Path(__file__).parents[2]
PROGRAMME = ROOT / "programme"
CORPUS = ROOT / "tests" / "corpus" / "topics.tsv"
FILLER = frozenset(("the", "of", "and", "a", "an", "in", "on", "for", "to", "our", "with"))


@pytest.fixture(scope="module")
def finder() -> TopicFinder:
    return TopicFinder(PROGRAMME)


def message(body: str, *, subject: str = "", zones: tuple[tuple[ZoneKind, str], ...] = (), attachments: tuple[Attachment, ...] = ()) -> ParsedMessage:
    """A message whose body is all the member's own, or is made of the given stretches in order."""
    if zones:
        body = "\n".join(text for _, text in zones)
    made: list[Zone] = []
    at = 0
    for kind, text in zones or ((ZoneKind.OWN, body),):
        made.append(Zone(kind=kind, start=at, end=at + len(text)))
        at += len(text) + 1
    return ParsedMessage(
        message_ids=(),
        in_reply_to=(),
        references=(),
        sender=None,
        from_addresses=(),
        reply_to=(),
        recipients=(),
        subject=subject,
        sent_at=None,
        return_path=None,
        headers=(),
        body=body,
        zones=tuple(made),
        attachments=attachments,
        content_types=(),
        report=None,
        calendar_method=None,
        defects=(),
    )


def read(finder: TopicFinder, parsed: ParsedMessage) -> Topics:
    return finder.find(parsed, views(parsed))


def statements() -> list[tuple[str, str, tuple[str, ...]]]:
    """The corpus: id, text, acceptable topics (none: no topic is given)."""
    with CORPUS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row["id"], row["text"], () if row["topics"] == "none" else tuple(row["topics"].split("|"))) for row in rows]


def is_aside(key: str) -> bool:
    """A third of the corpus is kept aside: no rule is written for what is in it."""
    return int(sha1(key.encode()).hexdigest(), 16) % 3 == 0


def words(text: str) -> Counter[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    split = "".join(c if c.isalnum() or c == "'" else " " for c in plain).replace("'", "").split()
    return Counter(word.rstrip("s") for word in split if word not in FILLER)


def overlap(one: str, other: str) -> float:
    """Two phrases' words in common (F1), singular and plural alike."""
    a, b = words(one), words(other)
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"rule", "example"} <= set(metafunc.fixturenames):
        rules = TopicFinder(PROGRAMME).rules
        wanted = "match" if "leaves" not in metafunc.function.__name__ else "not_match"
        metafunc.parametrize(("rule", "example"), [(r.phrase.id, text) for r in rules for text in getattr(r, wanted)])


def test_each_rule_matches_its_example(finder: TopicFinder, rule: str, example: str) -> None:
    """What a rule's author says it finds, it finds."""
    assert rule in {hit.phrase.id for hit in finder.cues.find(TextView(example, where="own"))}


def test_each_rule_leaves_its_counterexample(finder: TopicFinder, rule: str, example: str) -> None:
    """What a rule's author says it leaves alone, it leaves alone."""
    assert rule not in {hit.phrase.id for hit in finder.cues.find(TextView(example, where="own"))}


def test_every_rule_has_both_kinds_of_example(finder: TopicFinder) -> None:
    """No rule without a text that it finds and one that it leaves."""
    assert [rule.phrase.id for rule in finder.rules if not (rule.match and rule.not_match)] == []


@pytest.mark.parametrize(("aside", "least"), [(False, 0.95), (True, 0.81)])
def test_the_corpus_is_read_as_well_as_promised(finder: TopicFinder, aside: bool, least: float) -> None:
    """Mean overlap with the best acceptable phrase, and topics invented where none is given."""
    scores: list[float] = []
    invented: list[str] = []
    topicless = 0
    for key, text, topics in statements():
        if is_aside(key) is aside:
            given = read(finder, message(text)).topics[:1]
            if topics:
                scores.append(max((overlap(a, b) for a in topics for b in given), default=0.0))
            else:
                topicless += 1
                invented += [f"{key}: {given[0]}"] if given else []
    assert len(scores) >= 20
    assert sum(scores) / len(scores) >= least
    assert len(invented) * 10 <= max(topicless, 10), invented


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        ("Topic: retelling in P2.", "retelling in P2"),
        ("Topic area (wherever possible)\nbarefoot walking", "barefoot walking"),
        ("Our topic is not fractions but puppets.", "puppets"),
        ("We hope to carry out action research together, after the break, into how families share songs.", "how families share songs"),
        ("Three of us want to find out whether a therapy dog settles P2.", "therapy dog"),
        ("Three of us would like to find out whether a therapy dog calms the corridor.", "therapy dog"),
        ("I had a project on spelling but gave it up. Now it's handwriting.", "handwriting"),
        ("An enquiry into reading aloud with my S1s since September.", "reading aloud"),
        ("For two years I've been comparing paper maps with phones.", "paper maps with phones"),
        ('The title is "Sums in the sand".', "Sums in the sand"),
        ("Left-handed scissors, that's our topic.", "Left-handed scissors"),
    ],
)
def test_the_phrase_is_cut_and_cleaned(finder: TopicFinder, body: str, topic: str) -> None:
    """The member's words, without what leads up to them and what only says where, when and with whom."""
    assert read(finder, message(body)).topics == (topic,)


@pytest.mark.parametrize(
    "body",
    [
        "We have no fixed idea yet.",
        "I teach Physics at the High School and would like to come to the first session.",
        "Anything but behaviour, please.",
        "My colleague is researching spelling.",
        "Heard about the programme from our rep. Please put me down for Tuesday.",
        "Topic to be confirmed.",
        "I look after the chess club. Could you tell me who may come to the training?",
        "",
    ],
)
def test_nothing_is_given_where_nothing_is_said(finder: TopicFinder, body: str) -> None:
    """A subject taught, a topic ruled out, somebody else's topic: none of them is the member's."""
    assert read(finder, message(body)).topics == ()


def test_a_topic_given_up_stays_a_candidate_with_its_reason(finder: TopicFinder) -> None:
    """The person who reviews sees what lost, and why."""
    found = read(finder, message("Our topic is not about homework. It is about handwriting."))
    assert found.topics == ("handwriting",)
    lost = {candidate.value: candidate.note for candidate in found.candidates if not candidate.chosen}
    assert lost["homework"] == "topic_ruled_out"


def test_quotes_and_signatures_are_never_read(finder: TopicFinder) -> None:
    """What we or others wrote, and what stands under a name, is nobody's topic."""
    parsed = message(
        "",
        zones=(
            (ZoneKind.OWN, "Please count us in."),
            (ZoneKind.SIGNATURE, "Lead for outdoor learning"),
            (ZoneKind.QUOTE, "Our topic is paired reading."),
            (ZoneKind.OWN_QUOTE, "Topic: the theme you would like to research"),
        ),
    )
    assert read(finder, parsed).topics == ()


def test_an_inline_answer_to_our_question_is_the_topic(finder: TopicFinder) -> None:
    """The quoted question makes a bare answer a topic; another question does not."""
    asked = message("", zones=((ZoneKind.OWN_QUOTE, "> What is your topic area?"), (ZoneKind.INLINE_ANSWER, "marbles")))
    assert read(finder, asked).topics == ("marbles",)
    other = message("", zones=((ZoneKind.OWN_QUOTE, "> Which council is it in?"), (ZoneKind.INLINE_ANSWER, "marbles")))
    assert read(finder, other).topics == ()


def test_an_attachment_is_read_and_named_in_the_evidence(finder: TopicFinder) -> None:
    """Evidence of an attachment slices back to the attachment's text."""
    form = Attachment(filename="form.docx", content_type="application/msword", size=1, text="Name: A. Member\nTopic: shared reading\n")
    parsed = message("See the form.", attachments=(form,))
    found = read(finder, parsed)
    assert found.topics == ("shared reading",)
    assert found.themes == ("reading",)
    assert found.candidates[0].evidence.where == "attachment:form.docx"


def test_evidence_slices_back_to_the_source(finder: TopicFinder) -> None:
    """For every statement of the corpus, wrapped and with curly quotes, text is source[start:end]."""
    for _, text, _ in statements():
        parsed = message(text.replace("'", "\u2019").replace(" ", "\u00a0", 1), subject="Re: paired reading")
        for candidate in read(finder, parsed).candidates:
            assert parsed.slice(candidate.evidence) == candidate.evidence.text
            assert 0.0 <= candidate.strength <= 1.0
            assert not candidate.note or candidate.note in REASONS


def test_a_guess_says_that_it_is_one(finder: TopicFinder) -> None:
    """Where no words introduce the topic the reason says so; where they do there is none."""
    assert [reason.code for reason in read(finder, message("Topic: bilingual books")).reasons] == []
    long_text = "Forty of us came along on the day, which was a surprise to me, and the learners had their picture books. "
    guess = read(finder, message(long_text + "Nobody minded the rain, and the tea was hot enough for once. We all went home on the late bus. " * 2))
    assert [reason.code for reason in guess.reasons] == ["topic_unsure"]


@pytest.mark.parametrize("unit", ["topic: ", "about on into research ", 'research on whether "', "paired reading, ", "( ", "not ", "x", "how ", ": "])
def test_time_is_bounded_on_hostile_text(finder: TopicFinder, unit: str) -> None:
    """Four times the text takes nothing like sixteen times as long."""

    def seconds(size: int) -> float:
        parsed = message((unit * (size // len(unit) + 1))[:size])
        prepared = views(parsed)
        for view in prepared:
            assert view.sentences is not None  # shared with the other finders, so not measured here
        start = time.process_time()
        finder.find(parsed, prepared)
        return time.process_time() - start

    seconds(1000)
    assert seconds(80_000) < 8 * seconds(20_000) + 0.5


@pytest.mark.parametrize(
    ("file", "old", "new", "words_of_the_error"),
    [
        ("rules/topics.yaml", "  least_strength: 0.5", "  least_strength: much", "least_strength"),
        ("rules/topics.yaml", "  least_strength: 0.5", "  least_strenght: 0.5", "least_strenght"),
        ("rules/topics.yaml", "  posts: |", "  post: |", "post"),
        ("rules/topics.yaml", "    says: follows", "    says: folows", "folows"),
        ("rules/topics.yaml", "weights:\n  nothing: ", "weights:\n  nothin: ", "nothin"),
        ("rules/topics.yaml", "weights:\n  nothing: ", "weights:\n  nothing: x", "a number"),
    ],
)
def test_a_mistake_in_the_rules_is_named(tmp_path: Path, file: str, old: str, new: str, words_of_the_error: str) -> None:
    """File, line and the word itself stand in the error."""
    shutil.copytree(PROGRAMME, tmp_path / "programme")
    path = tmp_path / "programme" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError, match=words_of_the_error) as caught:
        TopicFinder(tmp_path / "programme")
    assert "topics.yaml, line" in str(caught.value)
