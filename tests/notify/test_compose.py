"""Answers: every template in every situation, the headers, and that nothing can be smuggled in."""

from __future__ import annotations

import email
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailroom.errors import Permanent, ProgrammeError
from mailroom.model import Address, Decision, Extraction, Kind, Outcome, ParsedMessage, ReplyDraft, RuleHit
from notify.compose import _VARIABLES as KNOWN
from notify.compose import AnswerContext, Composer, message_id, normalised, own_template_lines, sample_contexts, text_of_html
from notify.facts import load_facts

PROGRAMME = Path(__file__).parents[2] / "programme"
FACTS = load_facts(PROGRAMME)
COMPOSER = Composer(PROGRAMME / "replies")
US = Address(name="Action Research", address="car@union.example")
DATE = datetime(2022, 1, 10, 9, 30, 15, tzinfo=UTC)


def message(**changes: Any) -> ParsedMessage:
    sender = changes.pop("sender", Address(name="Anna Reid", address="anna.reid@school.example"))
    values: dict[str, Any] = {
        "message_ids": ("<a1@school.example>",),
        "in_reply_to": (),
        "references": (),
        "sender": sender,
        "from_addresses": (sender,),
        "reply_to": (Address(name="", address="elsewhere@other.example"),),
        "recipients": (),
        "subject": "My union membership",
        "sent_at": None,
        "return_path": "bounces@other.example",
        "headers": (),
        "body": "",
        "zones": (),
        "attachments": (),
        "content_types": ("text/plain",),
        "report": None,
        "calendar_method": None,
        "defects": (),
    }
    return ParsedMessage(**{**values, **changes})


def compose(template: str = "registered", context: AnswerContext | None = None, parsed: ParsedMessage | None = None, **changes: Any) -> ReplyDraft:
    arguments: dict[str, Any] = {"from_": US, "secret": "s3cret", "identity": "ab" * 32, "date": DATE, **changes}
    return COMPOSER.compose(template, context or AnswerContext(programme=FACTS), parsed or message(), **arguments)


def read(draft: ReplyDraft) -> EmailMessage:
    parsed = email.message_from_bytes(draft.content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def texts(draft: ReplyDraft) -> tuple[str, str]:
    mail = read(draft)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


# --- what it says


@pytest.mark.parametrize("template", COMPOSER.names)
def test_every_template_renders_in_every_situation(template: str) -> None:
    """Text and HTML say the same, the subject is neutral, and no blank is left where a word should be."""
    for context in sample_contexts(FACTS):
        subject, text, html = COMPOSER.render(template, context)
        assert subject == "Re: your message"
        assert "{{" not in text + html
        assert "None" not in text + html
        assert "\n\n\n" not in text
        words = re.sub(r"(?m)^\s*- ", "", text).split()
        assert words == " ".join(text_of_html(html)).split()


@pytest.mark.parametrize("template", COMPOSER.names)
def test_subject_and_first_sentence_keep_the_programme_and_the_union_to_themselves(template: str) -> None:
    """The address may be an employer's: what a preview shows is neutral."""
    _, text, html = COMPOSER.render(template, sample_contexts(FACTS)[1])
    preview = text[:160] + re.sub(r"<style.*?</style>|<[^>]+>", "", html)[:160]
    for word in ("union", "EIS", "Institute", "member", "research", "programme", "Action"):
        assert word.casefold() not in preview.casefold()


def test_registered_lists_what_was_understood() -> None:
    extraction = Extraction(
        kind=Kind.EXPRESSION_OF_INTEREST,
        institutions=("Wallace High School",),
        authorities=("Stirling",),
        activities=("existing_individual",),
        topics=("reading for pleasure",),
        sessions=("2022-01-19",),
    )
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.REGISTERED), FACTS, first_name="Anna")
    text, html = texts(compose("registered", context))
    for line in (
        "Dear Anna,",
        "- School or college: Wallace High School",
        "- Council area: Stirling",
        "- How you would take part: Your own enquiry, open to others",
        "- Topic: reading for pleasure",
        "- Training session: Wednesday 19 January 2022, 14:00–15:30",
    ):
        assert line in text.split("\n")
    assert "<strong>Wallace High School</strong>" in html
    assert "You named the training session on Wednesday 19 January 2022" in text
    assert "25 January" not in text


def test_ask_member_asks_for_exactly_what_is_missing() -> None:
    questions = {
        "institution": "Which school or college is this for?",
        "authority": "Which council area is your school in?",
        "activity": "What would you bring to the programme?",
    }
    for context in sample_contexts(FACTS):
        _, text, html = COMPOSER.render("ask_member", context)
        for slot, question in questions.items():
            assert (question in text) is (slot in context.missing)
            assert (question in html) is (slot in context.missing)


def test_ask_member_offers_the_councils_that_share_the_school_s_name() -> None:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, institutions=("St Mary's Primary School",), authority_options=("Dundee City", "Fife", "Highland"))
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.ASK_MEMBER, missing=("authority",)), FACTS)
    text, _ = texts(compose("ask_member", context))
    assert text.startswith("Hello,\n")
    assert "   a) Dundee City\n   b) Fife\n   c) Highland\n" in text
    assert "one thing is still missing" in text


def test_a_choice_too_long_to_read_is_an_open_question() -> None:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, authority_options=tuple(f"Council {n}" for n in range(9)))
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.ASK_MEMBER, missing=("authority",)), FACTS)
    assert "Council 1" not in COMPOSER.render("ask_member", context)[1]


@pytest.mark.parametrize(
    ("at", "sessions", "says", "says_not"),
    [
        (datetime(2022, 1, 10, tzinfo=UTC), (), ["one of the facilitator training sessions", "19 January", "25 January"], ["has closed"]),
        (datetime(2022, 1, 20, tzinfo=UTC), (), ["for the facilitator training session on Tuesday 25 January"], ["19 January"]),
        (datetime(2022, 1, 20, tzinfo=UTC), ("2022-01-19",), ["for the facilitator training session on Tuesday 25 January"], ["You named"]),
        (datetime(2022, 2, 1, tzinfo=UTC), ("2022-01-25",), ["has closed"], ["You named", "Please sign up"]),
    ],
)
def test_next_steps_know_which_sessions_are_still_open(at: datetime, sessions: tuple[str, ...], says: list[str], says_not: list[str]) -> None:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, sessions=sessions)
    _, text, html = COMPOSER.render("registered", AnswerContext.of(extraction, Decision(outcome=Outcome.REGISTERED), FACTS, at=at))
    steps = text.partition("Next steps:")[2]
    assert all(word in steps for word in says)
    assert not any(word in steps for word in says_not)
    assert all(word in html for word in says)


def test_review_promises_a_person_and_no_time_and_repeats_nothing() -> None:
    text, _ = texts(compose("review", sample_contexts(FACTS, mark="Wallace High")[1]))
    assert "a person will read it and answer you" in text
    assert "Wallace High" not in text
    assert not re.search(r"\b(days?|hours?|weeks?|soon|shortly)\b", text)


def test_the_page_s_address_is_given_where_programme_data_has_it() -> None:
    facts = replace(FACTS, page="https://union.example/research")
    context = AnswerContext.of(Extraction(kind=Kind.EXPRESSION_OF_INTEREST), Decision(outcome=Outcome.REGISTERED), facts)
    assert "the programme's page, https://union.example/research" in COMPOSER.render("registered", context)[1]


def test_html_loads_nothing_and_brings_no_colours_of_its_own() -> None:
    for template in COMPOSER.names:
        for context in sample_contexts(FACTS):
            html = COMPOSER.render(template, context)[2]
            assert not re.search(r"<(?:img|link|script|iframe|style|a|form)\b|https?:|url\(|(?<!-)color:", html)
            assert 'name="color-scheme" content="light dark"' in html


# --- the mail around it


def test_headers_mark_it_as_an_answer_to_that_message() -> None:
    draft = compose(parsed=message(references=("<r1@x.example>", "<r2@x.example>")), checks=(RuleHit(rule="x", hit=False),))
    mail = read(draft)
    assert b'\r\nFrom: "Action Research" <car@union.example>\r\nTo: "Anna Reid" <anna.reid@school.example>\r\n' in draft.content
    assert draft.recipient == "anna.reid@school.example"
    assert mail["Subject"] == draft.subject == "Re: your message"
    assert mail["Date"].datetime == DATE
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["Content-Language"] == "en-GB"
    assert mail["In-Reply-To"] == "<a1@school.example>"
    assert mail["References"].split() == ["<r1@x.example>", "<r2@x.example>", "<a1@school.example>"]
    assert mail["Message-ID"] == draft.message_id
    assert re.fullmatch(r"<mailroom\.[0-9a-f]{40}@union\.example>", draft.message_id)
    assert not {"Precedence", "Reply-To", "Sender", "List-Id", "Bcc", "Cc"} & set(mail.keys())
    assert draft.checks == (RuleHit(rule="x", hit=False),)
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_the_same_input_gives_the_same_bytes_and_other_input_another_id() -> None:
    assert compose().content == compose().content
    ids = {compose().message_id, compose("review").message_id, compose(identity="cd" * 32).message_id, compose(secret="other").message_id}
    assert len(ids) == 4
    assert message_id(b"s3cret", "ab" * 32, "registered", "union.example") == compose().message_id
    with pytest.raises(ValueError, match="secret is empty"):
        compose(secret="")
    with pytest.raises(ValueError, match="time zone"):
        compose(date=datetime(2022, 1, 1))


@pytest.mark.parametrize(
    ("changes", "in_reply_to", "references"),
    [
        ({"message_ids": ()}, None, None),
        ({"message_ids": ("<one@x.example>", "<two@x.example>")}, "<one@x.example> <two@x.example>", "<one@x.example> <two@x.example>"),
        ({"in_reply_to": ("<p@x.example>",)}, "<a1@school.example>", "<p@x.example> <a1@school.example>"),
        ({"in_reply_to": ("<p@x.example>", "<q@x.example>")}, "<a1@school.example>", "<a1@school.example>"),
        ({"references": ("<a1@school.example>", "<r@x.example>")}, "<a1@school.example>", "<r@x.example> <a1@school.example>"),
        ({"message_ids": ("<bad\r\nBcc: x@y.example>",)}, None, None),
        ({"references": ("<r\r\n@x.example>", "<ü@x.example>", "<" + "x" * 300 + ">")}, "<a1@school.example>", "<a1@school.example>"),
    ],
)
def test_threading_follows_rfc_5322(changes: dict[str, Any], in_reply_to: str | None, references: str | None) -> None:
    mail = email.message_from_bytes(compose(parsed=message(**changes)).content)
    found = [None if mail[name] is None else " ".join(mail[name].split()) for name in ("In-Reply-To", "References")]
    assert found == [in_reply_to, references]


def test_a_long_thread_keeps_its_start_and_its_end_and_long_ids_stay_whole() -> None:
    references = tuple(f"<{n:03d}{'x' * 200}@mail.example>" for n in range(500))
    content = compose(parsed=message(references=references)).content
    assert max(len(line) for line in content.split(b"\r\n")) < 300
    kept = email.message_from_bytes(content)["References"].split()
    assert kept == [references[0], *references[-11:], "<a1@school.example>"]


def test_content_is_seven_bit_with_mail_s_line_ends() -> None:
    context = replace(sample_contexts(FACTS)[1], topics=("litreachas — Gàidhlig 😀 " + "x" * 100,), institutions=("Àrd-sgoil",))
    draft = compose("registered", context, message(sender=Address(name="Seònaid NicLeòid", address="s@school.example")))
    assert draft.content.isascii()
    assert b"\n" not in draft.content.replace(b"\r\n", b"")
    assert b"\r" not in draft.content.replace(b"\r\n", b"")
    assert max(len(line) for line in draft.content.split(b"\r\n")) <= 998
    assert read(draft)["To"] == "Seònaid NicLeòid <s@school.example>"
    text, html = texts(draft)
    assert "litreachas — Gàidhlig 😀" in text
    assert "Àrd-sgoil" in html


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.text(max_size=60), value=st.text(max_size=200), id_=st.text(max_size=60))
def test_nothing_a_member_writes_adds_a_header_a_recipient_or_a_tag(name: str, value: str, id_: str) -> None:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, institutions=(value,), topics=(value,), institution_options=(value,))
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.ASK_MEMBER, missing=("institution",)), FACTS)
    parsed = message(sender=Address(name=name, address="anna@school.example"), message_ids=(id_, f"<{id_}>"), subject=value, references=(f"<{id_}>",))
    mail = read(compose("ask_member", context, parsed))
    allowed = {"Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"}
    assert set(mail.keys()) <= allowed | {"X-Auto-Response-Suppress", "Content-Language", "MIME-Version", "Content-Type"}
    assert len(mail.keys()) == len(set(mail.keys()))
    assert [address.addr_spec for address in mail["To"].addresses] == ["anna@school.example"]
    body = mail.get_body(("html",))
    assert body is not None
    assert set(re.findall(r"</?([a-z!]+)", body.get_content(), re.IGNORECASE)) <= {
        *("!DOCTYPE", "html", "head", "meta", "title", "body", "div", "p", "ul", "li", "strong", "br"),
    }


@pytest.mark.parametrize("address", ["seònaid@school.example", "anna@localhost", "a\r\nb@school.example"])
def test_no_answer_is_written_where_none_could_arrive(address: str) -> None:
    with pytest.raises(Permanent, match="no answer can be written"):
        compose(parsed=message(sender=Address(name="Anna", address=address)))
    with pytest.raises(Permanent, match="no From"):
        compose(parsed=message(sender=None, from_addresses=()))


# --- mistakes in templates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROGRAMME / "replies", tmp_path / "replies"))


@pytest.mark.parametrize(
    ("file", "old", "new", "message_"),
    [
        ("review.txt.j2", "{{ greeting }}", "{{ greting }}", "review.txt.j2, line 3: there is nothing called «greting»"),
        ("_next_steps.html.j2", "{{ programme.support }}", "{{ programm.support }}", "_next_steps.html.j2, line 19: there is nothing called «programm»"),
        ("review.txt.j2", "{{ greeting }}", "{{ greeting", "review.txt.j2, line 5: "),
        ("_footer.txt.j2", "{% include", "{% inclood", "_footer.txt.j2, line 3: Encountered unknown tag 'inclood'"),
        ("_footer.txt.j2", "_why.txt", "_wy.txt", "_footer.txt.j2, line 3: there is no template «_wy.txt.j2»"),
        ("_understood.txt.j2", "| listed", "| lsited", "_understood.txt.j2, line 3: there is no filter called «lsited»"),
    ],
)
def test_a_mistake_is_found_on_loading(folder: Path, file: str, old: str, new: str, message_: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ProgrammeError) as caught:
        Composer(folder)
    assert message_ in str(caught.value)


def test_a_missing_template_is_found_on_loading(folder: Path) -> None:
    (folder / "review.html.j2").unlink()
    with pytest.raises(ProgrammeError, match=r"review\.html\.j2: the file is not there"):
        Composer(folder)
    (folder / "review.txt.j2").unlink()
    with pytest.raises(ProgrammeError, match=r"review\.txt\.j2: the file is not there"):
        Composer(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message_"),
    [
        ("_why.txt.j2", "{{ programme.name }}", "{{ programme.nmae }}", "_why.txt.j2, line 3: cannot be filled in: "),
        ("_why.txt.j2", "{{ programme.name }}", "{{ programme.__class__.__mro__ }}", "_why.txt.j2, line 3: cannot be filled in: "),
        ("_why.txt.j2", "{{ programme.name }}", "{{ 1 // 0 }}", "_why.txt.j2, line 3: cannot be filled in: "),
        ("review.txt.j2", "Subject:", "Betreff:", "review.txt.j2, line 1: the first line should be"),
    ],
)
def test_a_mistake_that_shows_only_when_filled_in_has_its_line_too(folder: Path, file: str, old: str, new: str, message_: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ProgrammeError) as caught:
        Composer(folder).render("review", AnswerContext(programme=FACTS))
    assert message_ in str(caught.value)


def test_the_names_that_templates_know_are_the_names_they_get() -> None:
    assert set(AnswerContext(programme=FACTS).variables()) == KNOWN


def test_an_unknown_template_names_those_there_are() -> None:
    with pytest.raises(ProgrammeError, match="there are ask_member, registered, review"):
        COMPOSER.render("thanks", AnswerContext(programme=FACTS))


# --- our own words


def test_every_sentence_of_our_answers_is_known_as_ours() -> None:
    own = set(own_template_lines(PROGRAMME / "replies", FACTS))
    for line in (
        "> Thank you for your message. It has arrived, and you need not send it again. This answer was written automatically.",
        "It has arrived, and you need not send it again.",
        "  a) A research group that is already running. Some colleagues and you already do practitioner enquiry together on a shared topic or challenge.",
        "- Please sign up for one of the facilitator training sessions (UK time), through the links on the programme’s page:",
    ):
        assert normalised(line) in own


def test_what_a_member_may_type_is_not_taken_for_ours() -> None:
    own = set(own_template_lines(PROGRAMME / "replies", FACTS))
    for line in (
        "Hello,",
        "Dear Anna,",
        "Topic: phonics",
        "Council area:",
        "Wednesday 19 January 2022, 14:00–15:30",
        "b) Your own enquiry, open to others",
        "How you would take part: A research group that is already running",
        "Thank you for your message.",
    ):
        assert normalised(line) not in own
    assert not any("qqqmark" in line for line in own)


def test_a_summer_date_is_written_with_its_offset() -> None:
    date = DATE + timedelta(days=180)
    assert read(compose(date=date))["Date"].datetime == date
