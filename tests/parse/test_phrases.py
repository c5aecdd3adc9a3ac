"""The pattern language of rule files, and that searching stays fast and within sentences."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parse.phrases import Phrase, PhraseError, PhraseMatcherSet
from parse.textview import TextView

LISTS = {"doing": ["meeting", "working on", "{trying}"], "trying": ["trying out", "test*"]}


def hits(pattern: str, text: str, **options: dict[str, str]) -> list[str]:
    """What one pattern finds in a text."""
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=(pattern,))], LISTS, **options)
    return [hit.span.text for hit in matcher.find(TextView(text, where="own"))]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("group", "A Group met.", ["Group"]),
        ("group", "Groups met.", []),
        ("meet*", "They meet, meeting, MEETS.", ["meet", "meeting", "MEETS"]),
        ("we|us are", "We are in. They are out.", ["We are"]),
        ("(a group|team) met", "Our team met and a group met.", ["team met", "a group met"]),
        ("we have been {doing}", "We've been working on it; we have been testing it.", ["We've been working on", "we have been testing"]),
        ("we [have] met", "We met. We've met. We had met.", ["We met", "We've met"]),
        ("# of us", "Six of us. 12 of us. Many of us.", ["Six of us", "12 of us"]),
        ("we ... together", "We read some books together.", ["We read some books together"]),
        ("we ...2 together", "We read some of the books together.", []),
        ("we ... together", "We read. Together at last.", []),
        ("we ... together", "We read; together we wrote.", []),
        ("^ we met", "We met. Then we met.", ["We met"]),
        ("do not know", "We don't know, I dont know.", ["do n't know".replace(" n", "n"), "dont know"]),
        ("we would", "We'd go.", ["We'd"]),
        ("1 .|)", "1) one", ["1)"]),
        ("we have not met", "WE HAVEN'T MET. WE'VE NOT MET.", ["WE HAVEN'T MET", "WE'VE NOT MET"]),
        ("that 's mine", "That\u2019s mine.", ["That\u2019s mine".replace("\u2019", "'")]),
    ],
)
def test_each_element_of_the_language(pattern: str, text: str, found: list[str]) -> None:
    """Every element finds what its description says, and no more."""
    assert hits(pattern, text) == found


def test_a_rule_reports_no_two_hits_that_overlap() -> None:
    """Of two patterns of one rule over the same words the longer one is kept."""
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=("reading group", "reading", "group met"))])
    assert [hit.span.text for hit in matcher.find(TextView("Our reading group met.", where="own"))] == ["reading group"]


def test_hits_come_in_reading_order() -> None:
    """Hits of different rules are sorted by where they start."""
    matcher = PhraseMatcherSet([Phrase(id="b", label="x", patterns=("one",)), Phrase(id="a", label="x", patterns=("two",))])
    assert [hit.phrase.id for hit in matcher.find(TextView("One two. One two.", where="own"))] == ["b", "a", "b", "a"]


def test_spellings_are_read_as_others() -> None:
    """A dialect word is found as what it stands for, also where it stands for several, and reported as written."""
    spellings = {"dinnae": "do not", "ken": "know"}
    assert hits("we do not know", "We dinnae ken yet.", spellings=spellings) == ["We dinnae ken"]


def test_evidence_is_as_the_member_wrote_it() -> None:
    """A hit over a hard line break slices back to the source."""
    source = "This is a rather long line of a message that was wrapped hard by the\nclient, and we\u2019ve been meeting."
    view = TextView(source, where="own")
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=("the client ... we have been meeting",))])
    (evidence,) = [hit.evidence() for hit in matcher.find(view)]
    assert evidence.text == source[evidence.start : evidence.end] == "the\nclient, and we\u2019ve been meeting"


@pytest.mark.parametrize("pattern", ["(a|b", "a)b", "{nowhere} a", "[a]", "...", "turn[s] it"])
def test_a_pattern_that_cannot_be_read_names_its_rule(pattern: str) -> None:
    """Unclosed brackets, unknown lists and patterns that match nothing are refused."""
    with pytest.raises(PhraseError, match="rule «r»"):
        hits(pattern, "a b")


def test_an_id_twice_is_refused() -> None:
    """Evidence names a rule by its id."""
    with pytest.raises(PhraseError, match="used twice"):
        PhraseMatcherSet([Phrase(id="r", label="x", patterns=("a",)), Phrase(id="r", label="x", patterns=("b",))])


def expression(pattern: str) -> str:
    """A pattern without lists as a regular expression over words that each have a space before them: what it means, slowly."""

    def words(text: str) -> str:
        pieces = {"#": " (?:two|[0-9]+)"}
        return "".join(pieces.get(word, " " + (word[:-1] + "[^ ]*" if word.endswith("*") else word)) + "(?![^ ])" for word in text.split())

    made = ""
    for element in re.findall(r"\[[^]]*\]|\([^)]*\)|\S+", pattern):
        if element.startswith("..."):
            made += f"(?: [^ ]+){{0,{element[3:]}}}"
        else:
            several = sorted((words(part) for part in element.strip("[]()").split("|")), key=lambda part: ("[^ ]*" in part, -len(part)))
            made += f"(?:{'|'.join(several)})" + "?" * element.startswith("[")
    return made


ELEMENTS = ("a", "b", "a|b", "ab*", "#", "(a b|b)", "[a]", "[b a|ab]", "...1", "...3")


@settings(max_examples=300, deadline=None)
@given(
    pattern=st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=5),
    texts=st.lists(st.lists(st.sampled_from(["a", "b", "ab", "abb", "two", "7", "c"]), min_size=1, max_size=8), min_size=1, max_size=3),
)
def test_a_pattern_finds_what_its_expression_would(pattern: list[str], texts: list[list[str]]) -> None:
    """Of each sentence the leftmost readings that do not overlap, the first choice of every element preferred."""
    assume(any(element[0] not in "[." for element in pattern))
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=(" ".join(pattern),))])
    wanted: list[str] = []
    for words in texts:
        sentence, at = "".join(" " + word for word in words), 0
        while (match := re.compile(rf"(?= )(?:{expression(' '.join(pattern))})").search(sentence, at)) is not None:
            if match.end() > match.start():
                wanted.append(match[0][1:])
            at = max(match.end(), match.start() + 1)
    view = TextView("\n".join(" ".join(words) for words in texts), where="own")
    assert [hit.span.text for hit in matcher.find(view)] == wanted


def test_rules_that_are_read_later_know_their_words_too() -> None:
    """What is kept with a view of one set of rules serves another with words of its own."""
    view = TextView("Our quokka club met in a billabong.", where="own")
    assert [hit.span.text for hit in PhraseMatcherSet([Phrase(id="r", label="x", patterns=("quokka",))]).find(view)] == ["quokka"]
    assert [hit.span.text for hit in PhraseMatcherSet([Phrase(id="s", label="x", patterns=("billab* .",))]).find(view)] == ["billabong."]


def test_spellings_are_mended_where_they_stand_and_other_sentences_stay_shared() -> None:
    """A set with spellings reads «wir» as «our» in its sentence; a set without reads the same view as written."""
    view = TextView("Wir club met. Our club met.", where="own")
    patterns = Phrase(id="r", label="x", patterns=("our club",))
    plain = PhraseMatcherSet([patterns])
    mended = PhraseMatcherSet([patterns], spellings={"wir": "our"})
    for _ in range(2):
        assert [hit.span.text for hit in mended.find(view)] == ["Wir club", "Our club"]
        assert [hit.span.text for hit in plain.find(view)] == ["Our club"]


@pytest.mark.parametrize("word", ["cannot", "dont", "Im", "gonna", "group", "email", "US", "pm", "eg"])
def test_a_word_of_a_pattern_is_cut_as_one_of_a_text(word: str) -> None:
    """spaCy cuts some plain words in two: a pattern that has one finds it."""
    assert hits(word, f"Here {word} stands.") == [word]


def test_find_in_reads_one_sentence() -> None:
    """Offsets of a single sentence's hits are those of the whole text."""
    view = TextView("We met. Then they met.", where="own")
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=("met",))])
    assert [hit.span.start_char for hit in matcher.find_in(view, view.sentences[1])] == [18]


def test_time_is_linear_in_hostile_text() -> None:
    """Ten times the text takes no more than some twenty times as long, gaps and all."""
    matcher = PhraseMatcherSet([Phrase(id="r", label="x", patterns=("we ... (have|had) ...6 been ... {doing} ... together",))], LISTS)

    def seconds(words: int) -> float:
        view = TextView("we have been working on " * (words // 5), where="own")
        assert view.sentences
        start = time.process_time()
        list(matcher.find(view))
        return time.process_time() - start

    seconds(500)
    small = min(seconds(2_000) for _ in range(3))
    assert seconds(20_000) < 25 * small + 0.2
