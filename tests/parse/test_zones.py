"""Zones: cases written line by line, the promise that nothing is lost, and hostile text."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.errors import ProgrammeError
from mailroom.model import Address, Zone, ZoneKind
from parse.cues import CueSet
from parse.html import Mark, MarkKind, render
from parse.zones import SAYS, Envelope, Zoner

PROGRAMME = Path(__file__).parents[2] / "programme"
CODES = {
    "own": ZoneKind.OWN,
    "ans": ZoneKind.INLINE_ANSWER,
    "our": ZoneKind.OWN_QUOTE,
    "quo": ZoneKind.QUOTE,
    "fwd": ZoneKind.FORWARDED,
    "sig": ZoneKind.SIGNATURE,
    "ban": ZoneKind.BANNER,
    "dis": ZoneKind.DISCLAIMER,
    "tag": ZoneKind.TAGLINE,
}
ZONER = Zoner(PROGRAMME)


def read_cases() -> Iterator[Any]:
    """The cases of zone_cases.txt: (envelope, lines with the code of their zone)."""
    for block in re.split(r"(?m)^== ", Path(__file__).with_name("zone_cases.txt").read_text(encoding="utf-8"))[1:]:
        name, *rows = block.split("\n")
        header: dict[str, str] = {}
        lines: list[tuple[str, str]] = []
        for row in rows:
            if row[3:5] == " |":
                lines.append((row[:3].strip(), row[6:]))
            elif ": " in row:
                key, value = row.split(": ", 1)
                header[key] = value
        yield pytest.param(envelope(header), lines, id=name.strip())


def envelope(header: dict[str, str]) -> Envelope:
    def address(value: str) -> Address:
        name, _, addr_spec = value.rpartition(" <")
        return Address(name=name, address=addr_spec.rstrip(">"))

    return Envelope(
        sender=address(header["from"]) if "from" in header else None,
        recipients=(address(header["to"]),) if "to" in header else (),
        subject=header.get("subject", ""),
        is_reply="reply" in header,
    )


def kind_at(zones: tuple[Zone, ...], offset: int) -> ZoneKind | None:
    return next((zone.kind for zone in zones if zone.start <= offset < zone.end), None)


def check_promise(body: str, zones: tuple[Zone, ...]) -> None:
    """In order, not overlapping, covering everything but white space."""
    previous = 0
    for zone in zones:
        assert previous <= zone.start < zone.end <= len(body)
        assert not body[previous : zone.start].strip()
        previous = zone.end
    assert not body[previous:].strip()


@pytest.mark.parametrize(("heading", "lines"), list(read_cases()))
@pytest.mark.parametrize("banner", ["", "[EXTERNAL] Do not click on links.\n\n"], ids=["", "below-banner"])
def test_cases(heading: Envelope, lines: list[tuple[str, str]], banner: str) -> None:
    """Each line has the zone that the case gives it, also below one more banner."""
    body = banner + "\n".join(text for _, text in lines)
    zones = ZONER.zones(body, envelope=heading)
    check_promise(body, zones)
    found, offset = [], len(banner)
    for code, text in lines:
        if code:
            kind = kind_at(zones, offset + len(text) - len(text.lstrip()))
            found.append((next(c for c, k in CODES.items() if k is kind), text))
        offset += len(text) + 1
    assert found == [(code, text) for code, text in lines if code]


def own_words(body: str, **heading: Any) -> list[str]:
    zones = ZONER.zones(body, envelope=Envelope(**heading))
    check_promise(body, zones)
    return [body[zone.start : zone.end] for zone in zones if zone.kind in (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)]


def test_words_on_the_line_of_an_intro_are_kept() -> None:
    """Some programs glue the intro to the reply's last line."""
    intro = "On Wed, Jan 12, 2022 at 3:59 PM, bob@example.com wrote:\n> Hi"
    assert own_words(f"count me in {intro}", is_reply=True) == ["count me in"]
    assert own_words(f"first\nthis - and that--- {intro}", is_reply=True) == ["first\nthis - and that"]
    assert own_words("On the way I met Ann. On Monday 10 January 2022 she wrote:\nI cannot come") == [
        "On the way I met Ann. On Monday 10 January 2022 she wrote:\nI cannot come"
    ]


INTROS = """
Am Mo., 10. Jan. 2022 um 10:12 Uhr schrieb Ina Braun <ina@example.org>:
Le lun. 10 janv. 2022 à 10:12, Ina Braun <ina@example.org> a écrit :
El lun, 10 ene 2022 a las 10:12, Ina Braun (<ina@example.org>) escribió:
Il giorno lun 10 gen 2022 alle ore 10:12 Ina Braun <ina@example.org> ha scritto:
Op 10 jan. 2022 om 10:12 heeft Ina Braun <ina@example.org> het volgende geschreven:
pon., 10 sty 2022 o 10:12 Ina Braun <ina@example.org> napisał(a):
Den mån 10 jan. 2022 kl 10:12 skrev Ina Braun <ina@example.org>:
man. 10. jan. 2022 kl. 10.12 skrev Ina Braun <ina@example.org>:
På 10. januar 2022 kl. 10:12 skrev Ina Braun (ina@example.org):
ma 10. tammik. 2022 klo 10.12 Ina Braun (ina@example.org) kirjoitti:
Em seg., 10 de jan. de 2022 às 10:12, Ina Braun <ina@example.org> escreveu:
po 10. 1. 2022 v 10:12 odesílatel Ina Braun <ina@example.org> napsal:
2022年1月10日(月) 10:12 Ina Braun <ina@example.org>:
пн, 10 янв. 2022 г. в 10:12, Ina Braun <ina@example.org>:
Ina Braun <ina@example.org>, 10 Oca 2022 Pzt, 10:12 tarihinde şunu yazdı:
Air DiL, 10 Faoi 2022 aig 10:12, sgrìobh Ina Braun <ina@example.org>:
On Monday, January 10th, 2022 at 10:12 AM, Ina Braun <ina@example.org> wrote:
""".strip().split("\n")
HEADINGS = ["Von|Gesendet|An|Betreff", "De|Envoyé|À|Objet", "De|Enviado el|Para|Asunto", "Da|Inviato|A|Oggetto", "Van|Verzonden|Aan|Onderwerp"]
HEADINGS += ["Od|Wysłano|Do|Temat", "Från|Skickat|Till|Ämne", "Fra|Sendt|Til|Emne", "Lähettäjä|Lähetetty|Vastaanottaja|Aihe", "De|Enviada|Para|Assunto"]
HEADINGS += [
    "Od|Odesláno|Komu|Předmět",
    "差出人|送信日時|宛先|件名",
    "Bho|Air a chur|Gu|Cuspair",
    "От|Отправлено|Кому|Тема",
    "보낸 사람|보낸 날짜|받는 사람|제목",
]


@pytest.mark.parametrize("intro", INTROS)
@pytest.mark.parametrize("quoted", ["> Welche Schule?\n> Wann?", "Welche Schule?\nWann?"], ids=["prefixed", "not"])
def test_intros_of_other_languages(intro: str, quoted: str) -> None:
    assert own_words(f"Ja, gern.\n\n{intro}\n\n{quoted}", is_reply=True) == ["Ja, gern."]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("colon", [":", " :", "\uff1a"])
def test_headings_of_other_languages(heading: str, colon: str) -> None:
    block = "\n".join(f"{name}{colon} {value}" for name, value in zip(heading.split("|"), ("Ina Braun", "10. 1. 2022 10:12", "Team", "x"), strict=True))
    assert own_words(f"Ja, gern.\n\n{block}\n\nWelche Schule?", is_reply=True) == ["Ja, gern."]


PHRASES = st.sampled_from(["Kyle Primary", "four of us", "Tuesday, I think", "spelling in P4", "We have met since May.", "yes", "see above"])


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.lists(PHRASES, min_size=1, max_size=3)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_interleaved_answers_are_all_kept(turns: list[tuple[int, bool, list[str]]]) -> None:
    """Answers between quoted lines, at any depth, tight or spaced: every typed line is the sender's, no quoted one is."""
    lines = ["On 11 Jan 2022 at 08:14, A B <a@example.org> wrote:"]
    typed: list[str] = []
    for depth, spaced, answer in turns:
        lines += [f"{'>' * depth} Which school, please?", *([""] if spaced else []), *answer, *([""] if spaced else [])]
        typed += answer
    body = "\n".join(lines)
    assert [line for words in own_words(body, is_reply=True) for line in words.split("\n") if line.strip()] == typed


CELLS = st.sampled_from(["School", "Kyle Primary", "Topic", "talk in maths", "Date", "25 January", "", "two\xa0words", "P4 & P5"])


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_of_a_table_is_lost(rows: list[list[str]], banner: bool) -> None:
    """HTML-only mail with a table: every cell is there, in order, and none of it is anybody else's."""
    page = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    top = "<table><tr><td>CAUTION: External email. Do not click links.</td></tr></table>" if banner else ""
    rendered = render(f"<html><body>{top}<p>Please see below.</p><table>{page}</table><p>Thanks, Una</p></body></html>")
    zones = ZONER.zones(rendered.text, marks=rendered.marks)
    check_promise(rendered.text, zones)
    own = " ".join(rendered.text[zone.start : zone.end] for zone in zones if zone.kind is ZoneKind.OWN)
    cells = [cell.replace("\xa0", " ") for row in rows for cell in row if cell]
    assert own.split() == " ".join(["Please see below.", *cells, "Thanks, Una"]).split()


OWN_LINES = [
    "Which facilitator training session have you registered for?",
    "Can you tell us a little more?",
    "which school and local authority are you in?",
    "and what would you like to look into?",
]


def test_quote_of_our_own_lines_is_ours_whoever_sent_it() -> None:
    """A colleague's circular that repeats our template is a quote of our own mail."""
    body = "Tuesday.\n\nOn 11 Jan 2022 at 08:14, Branch <b@example.org> wrote:\n> " + "\n> ".join(OWN_LINES)
    kinds = [zone.kind for zone in Zoner(PROGRAMME, OWN_LINES).zones(body)]
    assert kinds == [ZoneKind.OWN, ZoneKind.OWN_QUOTE]
    assert [zone.kind for zone in ZONER.zones(body)] == [ZoneKind.OWN, ZoneKind.QUOTE]


def test_a_letter_too_short_to_hold_our_lines_does_not_ask_for_them() -> None:
    """They may be costly to come by: every template has to be filled in for them."""

    class Costly(list[str]):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError

    zoner = Zoner(PROGRAMME, Costly(OWN_LINES))
    assert [zone.kind for zone in zoner.zones(f"Hello,\n\n{OWN_LINES[0]}\n{OWN_LINES[1]}\n\nAnn")] == [ZoneKind.OWN]
    with pytest.raises(AssertionError):
        zoner.zones("\n".join(OWN_LINES))


def test_answers_inside_an_unprefixed_quote_of_ours() -> None:
    """What stands under our own question in an Outlook quote, and is none of our lines, was typed there."""
    q = OWN_LINES
    heading = "From: Team <t@union.example>\nSent: 12 January 2022 10:12\nTo: Una\nSubject: Hello"
    body = f"See below.\n\n{heading}\n\n{q[1]}\n{q[2]}\nGavin Primary, Moray\n{q[3]}\nSpelling\n\n{q[0]}\nThe 25th"
    zones = Zoner(PROGRAMME, q, own_addresses=["t@union.example"]).zones(body)
    check_promise(body, zones)
    answers = [body[zone.start : zone.end] for zone in zones if zone.kind is ZoneKind.INLINE_ANSWER]
    assert answers == ["Gavin Primary, Moray", "Spelling", "The 25th"]


def test_our_choices_and_what_we_understood_are_no_answers() -> None:
    """Lines of ours that vary from mail to mail stand between the fixed ones: none of them may count as said."""
    question = "Which school or college is this for? Is it one of these, or another one?"
    fixed = [question, "If any of this is not right, say so in your reply.", "Reply to this email if you would like to know more."]
    quoted = f"""1. {question}
   a) Kyle Primary, Fife
   b) Kyle Primary, Angus
{{}}
What we have understood:
  *   Council area: Fife
Topic: spelling

{fixed[1]}

{fixed[2]}"""
    heading = "From: Team <t@union.example>\nSent: 12 January 2022 10:12\nTo: Una\nSubject: Hello"
    zoner = Zoner(PROGRAMME, fixed, own_addresses=["t@union.example"])
    body = f"{heading}\n\n{quoted.format('')}"
    assert [zone.kind for zone in zoner.zones(body)] == [ZoneKind.OWN_QUOTE]
    body = f"{heading}\n\n{quoted.format(chr(10) + 'The one in Angus' + chr(10))}"
    assert [body[zone.start : zone.end] for zone in zoner.zones(body) if zone.kind is ZoneKind.INLINE_ANSWER] == ["The one in Angus"]


def test_pasted_lines_of_ours_are_not_own_words() -> None:
    """Our questions pasted without quote signs, answered one by one."""
    q = OWN_LINES
    body = f"{q[0]}\nThe 25th\n{q[2]}\nGavin Primary\n{q[3]}\nSpelling"
    zones = Zoner(PROGRAMME, q).zones(body)
    own = [body[zone.start : zone.end] for zone in zones if zone.kind in (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)]
    assert own == ["The 25th", "Gavin Primary", "Spelling"]


@pytest.mark.parametrize("mark", ["FH:", "A:", "Ans:", "-->", "ME >"])
def test_answers_that_begin_with_one_mark_are_told_from_the_questions_above_them(mark: str) -> None:
    """A quote without quote signs, answered under each question: the mark itself is no part of the answer."""
    fields = "From: Action Research\nSent: 26 January 2022 09:14"
    answered = f"1. Which school?\n{mark} Gavin Primary. Moray.\n\n2. Are you a group?\n{mark} No.\n\n3. Topic:\n{mark} Spelling"
    body = f"Replies under each of yours.\n\n{fields}\n\n{answered}\n\nFiona"
    zones = ZONER.zones(body)
    check_promise(body, zones)
    texts = {kind: [body[zone.start : zone.end] for zone in zones if zone.kind is kind] for kind in (ZoneKind.INLINE_ANSWER, ZoneKind.OWN, ZoneKind.QUOTE)}
    assert texts[ZoneKind.INLINE_ANSWER] == ["Gavin Primary. Moray.", "No.", "Spelling"]
    assert texts[ZoneKind.OWN] == ["Replies under each of yours.", "Fiona"]
    assert texts[ZoneKind.QUOTE] == [f"{fields}\n\n1. Which school?\n{mark}", f"2. Are you a group?\n{mark}", f"3. Topic:\n{mark}"]


@pytest.mark.parametrize(
    "body",
    [
        "I teach at Gavin Primary.\nRQ: does talk help spelling?\nRQ: does reading help?\nThree of us ask that.",
        "What is the closing date?\nWhat does it cost?\nSchool: Gavin Primary\nCouncil: Moray",
        "Is it me?\nPS: I am at Gavin Primary.",
        "RQ: does talk help?\nRQ: does reading help?\nRQ: does writing help?\nRQ: none of these?",
    ],
)
def test_one_mark_alone_makes_no_question_somebody_elses(body: str) -> None:
    assert [zone.kind for zone in ZONER.zones(body)] == [ZoneKind.OWN]


def test_own_names_of_the_programme() -> None:
    """A quote whose intro names one of our senders is ours, whatever its address."""
    body = "Yes.\n\nOn 11 Jan 2022 at 08:14, Research Desk wrote:\n> Will you come?"
    assert [zone.kind for zone in ZONER.zones(body)] == [ZoneKind.OWN, ZoneKind.QUOTE]
    assert [zone.kind for zone in Zoner(PROGRAMME, own_names=["Research Desk"]).zones(body)] == [ZoneKind.OWN, ZoneKind.OWN_QUOTE]


def test_marks_of_html() -> None:
    """What the HTML calls a signature and a quote is one, without any cue in the text."""
    body = "Hello\n\nThe lamp is lit\n\nSome odd heading\nwhat you said"
    marks = (
        Mark(kind=MarkKind.SIGNATURE, start=7, end=22),
        Mark(kind=MarkKind.HEAD, start=24, end=40),
        Mark(kind=MarkKind.QUOTE, start=41, end=54),
    )
    zones = ZONER.zones(body, marks=marks)
    assert [(zone.kind, body[zone.start : zone.end]) for zone in zones] == [
        (ZoneKind.OWN, "Hello"),
        (ZoneKind.SIGNATURE, "The lamp is lit"),
        (ZoneKind.QUOTE, "Some odd heading\nwhat you said"),
    ]


RULES = [pytest.param(rule, id=rule.phrase.id) for rule in ZONER.rules.rules]


@pytest.mark.parametrize("rule", RULES)
def test_cue_examples(rule: Any) -> None:
    """Each rule of zones.yaml matches its examples, by itself, and none of its counter-examples."""
    cue = CueSet(rule.phrase.patterns)
    assert rule.match
    assert rule.not_match
    assert [text for text in rule.match if not cue.found(text)] == []
    assert [text for text in rule.not_match if cue.found(text)] == []


def test_every_meaning_has_cues() -> None:
    assert {rule.phrase.label for rule in ZONER.rules.rules} == set(SAYS)


def test_mistakes_in_the_data_are_named(tmp_path: Path) -> None:
    """A pattern that cannot be read and a missing list are ProgrammeErrors with file and line."""
    text = (PROGRAMME / "zones.yaml").read_text(encoding="utf-8")
    (tmp_path / "zones.yaml").write_text(text.replace('patterns: ["^virus-free"', 'patterns: ["^", "^virus-free"'), encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"zones\.yaml, line \d+.*tagline\.scanner"):
        Zoner(tmp_path)
    (tmp_path / "zones.yaml").write_text(text.replace("  closings:", "  closing:"), encoding="utf-8")
    with pytest.raises(ProgrammeError, match="closings"):
        Zoner(tmp_path)


LINES = st.sampled_from(
    [
        "",
        " ",
        "Hello",
        "From: Wallace High School",
        "From: A B <a@example.org>",
        "Sent: 12 January 2022 10:12",
        "Date: Tue, 11 Jan 2022",
        "To: me",
        "Subject: x",
        "> quoted",
        ">> deeper",
        ">",
        "On 11 Jan 2022 at 08:14, A B <a@example.org> wrote:",
        "On Monday we wrote:",
        "-----Original Message-----",
        "Begin forwarded message:",
        "________________________________",
        "--",
        "-- ",
        "Una",
        "Una Weir",
        "Teacher | Gavin Primary",
        "01632 960 111",
        "Sent from my iPhone",
        "CAUTION: external email",
        "This email is confidential.",
        "We would like to take part, please.",
        "\u00a0",
        "\u2028",
        "\t\tindented",
    ]
)


@given(st.lists(LINES, max_size=30), st.booleans())
@settings(max_examples=300, deadline=None)
def test_zones_cover_everything_in_order(lines: list[str], reply: bool) -> None:
    """Whatever lines stand in whatever order, the promise holds and something typed stays own."""
    body = "\n".join(lines)
    heading = Envelope(sender=Address(name="Una Weir", address="una@example.com"), subject="Re: x" if reply else "x", is_reply=reply)
    check_promise(body, ZONER.zones(body, envelope=heading))


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text(body: str) -> None:
    check_promise(body, ZONER.zones(body))


HOSTILE = {
    "one long line": "a" * 200_000,
    "spaces": " " * 200_000 + "x",
    "on on on": "On " * 60_000,
    "wrote:": "On 1 Jan 2022 wrote:\n" * 10_000,
    "froms": "From: a\n" * 25_000,
    "froms and blanks": "From: a\n\n" * 20_000,
    "quote signs": ">" * 200_000,
    "quote signs and blanks": "> " * 100_000 + "x",
    "quoted lines": "> x\ny\n" * 30_000,
    "dashes": "-" * 200_000,
    "rules": "-----\n" * 30_000,
    "delimiters": "--\n" * 60_000,
    "banners": "CAUTION: external email do not click\n" * 5_000,
    "disclaimers": "This email is confidential and intended for the addressee\n" * 3_000,
    "addresses": "a@b." * 50_000,
    "digits": "0 " * 100_000,
    "colons": "a:" * 100_000,
    "pipes": " | " * 60_000,
    "signatures": "Una Weir\n\n" * 20_000,
    "shared intros": "a On Wed, Jan 12, 2022 wrote:\n> x\n" * 6_000,
    "one line full of intros": "x On 1 " * 30_000 + "wrote:\n> x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name: str) -> None:
    """200,000 characters of anything take no longer than a couple of seconds of the processor's time on a slow machine."""
    body = HOSTILE[name]
    heading = Envelope(sender=Address(name="Una Weir", address="una@example.com"), subject="Re: x", is_reply=True)
    started = time.process_time()
    zones = ZONER.zones(body, envelope=heading)
    assert time.process_time() - started < 4
    check_promise(body, zones)


def test_stubs() -> None:
    """Plain parts that say nothing but that there is HTML."""
    assert ZONER.is_stub("")
    assert ZONER.is_stub(" \n\u00a0")
    assert ZONER.is_stub("This message is in HTML format. Please view it in an HTML-capable program.")
    assert not ZONER.is_stub("Yes")
    assert not ZONER.is_stub("We teach HTML to the S2 classes, and see the need for more.")
