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
import vobject
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
    """Text and HTML say the same, word for word, and no blank is left where a word should be."""
    for context in sample_contexts(FACTS):
        rendered = COMPOSER.render(template, context)
        assert "{{" not in rendered.text + rendered.html
        assert "None" not in rendered.text + rendered.html
        assert "\n\n\n" not in rendered.text
        assert not re.search(r"\S {2,}|\s[.,;:]", rendered.text)
        words = re.sub(r"(?m)^\s*- ", "", rendered.text).split()
        assert words == " ".join(text_of_html(rendered.html)).split()


@pytest.mark.parametrize("template", COMPOSER.names)
def test_every_answer_says_why_it_comes_and_how_to_mend_it(template: str) -> None:
    for context in sample_contexts(FACTS):
        text = COMPOSER.render(template, context).text
        assert "You get this email because" in text
        assert "If you did not write it, please reply and tell us." in text
        assert f"\n{FACTS.name} {FACTS.year}\n{FACTS.organisation}\n" in text
        mends = "say so in your (own words|reply), and we will correct it|say so in your own words|reply to this email, and we will put you back"
        if template in LETTERS:
            mends = "cannot come.*, (please )?reply and tell us"
        elif template == "ask_member" and not context.institutions:
            mends = "reply to this email|words in reply"
        assert re.search(mends, text)
        assert ("we will take you off the list" in text) is (template not in ("review", "withdrawn"))


LETTERS = {"reminder": "A reminder", "place": "Re: your message"}  # what answers nothing, and its subject at work
TELLING = ("union", "EIS", "Institute", "member", "research", "programme", "project", "action", "cluster", "collaborat", "enquir", "facilitator", "Wallace")
PREVIEW = 255  # characters of the body that Exchange hands out as a preview; other programs show less


@pytest.mark.parametrize("template", COMPOSER.names)
def test_at_work_subject_and_preview_keep_the_programme_and_the_union_to_themselves(template: str) -> None:
    """A list of mails on a shared screen, a notification, a delegate's view: what they show is neutral."""
    for context in sample_contexts(FACTS, mark="Wallace High"):
        for name in (None, "Anna"):
            rendered = COMPOSER.render(template, replace(context, first_name=name, employer_address=True))
            assert rendered.subject == LETTERS.get(template, "Re: your message")
            for shown in (rendered.text, " ".join(text_of_html(rendered.html))):
                preview = " ".join(shown.split())[:PREVIEW]
                assert not [word for word in TELLING if word.casefold() in preview.casefold()]
            assert f"<title>{rendered.subject}</title>" in rendered.html


def test_at_home_each_subject_says_what_it_is_about() -> None:
    for context in sample_contexts(FACTS):
        subjects = [COMPOSER.render(name, replace(context, employer_address=False)).subject for name in COMPOSER.names]
        assert all("EIS action research programme" in subject and len(subject) <= 78 for subject in subjects)
        assert len(set(subjects)) == len(subjects)


def test_the_body_is_the_same_for_both_but_for_its_opening() -> None:
    for template in COMPOSER.names:
        for context in sample_contexts(FACTS):
            at_home, at_work = (COMPOSER.render(template, replace(context, employer_address=employer)).text.split("\n\n") for employer in (False, True))
            assert at_home[2:] == at_work[2:]


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
    assert "You named the training session on Wednesday 19 January 2022, 14:00–15:30 (UK time). The attached file puts it into your calendar." in text
    assert "25 January" not in text
    assert "a topic in mind" not in text


def test_ask_member_asks_for_exactly_what_is_missing() -> None:
    questions = {
        "institution": "Which school or college is this for?",
        "authority": "Which council area is your school in?",
        "activity": "What would you bring to the programme?",
    }
    for context in sample_contexts(FACTS):
        rendered = COMPOSER.render("ask_member", context)
        for slot, question in questions.items():
            assert (question in rendered.text) is (slot in context.missing)
            assert (question in rendered.html) is (slot in context.missing)
        assert rendered.calendar == ()
        assert "attached" not in rendered.text


def asked(slot: str, **options: tuple[str, ...]) -> str:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, institutions=("St Mary's Primary School",), **options)
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.ASK_MEMBER, missing=(slot,)), FACTS)
    return texts(compose("ask_member", context))[0]


@pytest.mark.parametrize(
    ("count", "question"),
    [
        (0, "Which council area is your school in?"),
        (1, "Which council area is your school in? Is it this one, or another one?"),
        (2, "Which council area is your school in? There are several schools of that name. Is it one of these, or another one? The letter is enough."),
        (8, "Which council area is your school in? There are several schools of that name. Is it one of these, or another one? The letter is enough."),
        (9, "Which council area is your school in?"),  # a choice too long to read is an open question
    ],
)
def test_ask_member_offers_the_councils_that_share_the_school_s_name(count: int, question: str) -> None:
    councils = ("Dundee City", "Fife", "Highland", "Moray", "Angus", "Stirling", "Falkirk", "Midlothian", "Glasgow City")[:count]
    text = asked("authority", authority_options=councils)
    assert text.startswith("Hello,\n")
    assert "only one thing is still missing" in text
    assert "- School or college: St Mary's Primary School\n" in text
    listed = "".join(f"   {letter}) {council}\n" for letter, council in zip("abcdefgh", councils, strict=False)) if count <= 8 else ""
    assert f"\nWhat is still missing:\n\n{question}\n{listed}\nWhat you can do next:" in text


@pytest.mark.parametrize(
    ("options", "question"),
    [
        ((), "Which school or college is this for? Please give its full name.\n\n"),
        (("Wallace High School",), "Which school or college is this for? Is it this one, or another one?\n   a) Wallace High School\n\n"),
        (("Ayr Academy", "Ayr College"), "Is it one of these, or another one? The letter is enough.\n   a) Ayr Academy\n   b) Ayr College\n\n"),
    ],
)
def test_ask_member_offers_what_the_name_may_mean(options: tuple[str, ...], question: str) -> None:
    assert question in asked("institution", institution_options=options)


@pytest.mark.parametrize(
    ("at", "sessions", "says", "says_not"),
    [
        (datetime(2022, 1, 10, tzinfo=UTC), (), ["Please choose one of the facilitator training sessions", "19 January", "25 January"], ["has closed"]),
        (datetime(2022, 1, 20, tzinfo=UTC), (), ["for the facilitator training session on Tuesday 25 January"], ["19 January"]),
        (
            datetime(2022, 1, 20, tzinfo=UTC),
            ("2022-01-19",),
            ["15:30, is over", "room in the session on Tuesday 25 January"],
            ["You named"],
        ),
        (datetime(2022, 2, 1, tzinfo=UTC), ("2022-01-25",), ["has closed"], ["You named", "Please sign up"]),
        (
            datetime(2022, 1, 20, tzinfo=UTC),
            ("2022-01-19", "2022-01-25"),
            ["You named the training session on Tuesday 25", "15:30, is over"],
            ["has closed"],
        ),
    ],
)
def test_next_steps_know_which_sessions_are_still_open(at: datetime, sessions: tuple[str, ...], says: list[str], says_not: list[str]) -> None:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, sessions=sessions)
    rendered = COMPOSER.render("registered", AnswerContext.of(extraction, Decision(outcome=Outcome.REGISTERED), FACTS, at=at))
    steps = rendered.text.partition("What you can do next:")[2]
    assert all(word in steps for word in says)
    assert not any(word in steps for word in says_not)
    html = " ".join(text_of_html(rendered.html))
    assert all(word in html for word in says)
    assert bool(rendered.calendar) is ("You named" in steps)


def test_where_it_is_and_how_to_join_stand_beside_the_session() -> None:
    facts = replace(FACTS, sessions=tuple(replace(session, place="Online", join="https://meet.union.example/19?a=1&b=2") for session in FACTS.sessions))
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, sessions=("2022-01-19",))
    context = AnswerContext.of(extraction, Decision(outcome=Outcome.REGISTERED), facts)
    rendered = COMPOSER.render("registered", context)
    assert "\n   Where: Online\n   To join: https://meet.union.example/19?a=1&b=2\n" in rendered.text
    assert '<a href="https://meet.union.example/19?a=1&amp;b=2">https://meet.union.example/19?a=1&amp;b=2</a>' in rendered.html
    without = COMPOSER.render("registered", replace(context, sessions=(), calendar=()))
    assert "meet.union.example" not in without.text + without.html  # only for those who come


def test_who_named_no_topic_is_asked_for_one_without_pressing() -> None:
    context = AnswerContext.of(Extraction(kind=Kind.EXPRESSION_OF_INTEREST), Decision(outcome=Outcome.REGISTERED), FACTS)
    assert "- If you have a topic in mind, reply and tell us;" in COMPOSER.render("registered", context).text


def test_review_promises_a_person_and_no_time_and_repeats_nothing() -> None:
    text, _ = texts(compose("review", sample_contexts(FACTS, mark="Wallace High")[1]))
    assert "a person will read it and answer you" in text
    assert "Wallace High" not in text
    assert not re.search(r"\b(days?|hours?|weeks?|soon|shortly)\b", text)


def test_the_page_s_address_is_given_where_programme_data_has_it() -> None:
    facts = replace(FACTS, page="https://union.example/research")
    context = AnswerContext.of(Extraction(kind=Kind.EXPRESSION_OF_INTEREST), Decision(outcome=Outcome.REGISTERED), facts)
    rendered = COMPOSER.render("registered", context)
    assert "the programme's page, https://union.example/research" in rendered.text
    assert 'page, <a href="https://union.example/research">https://union.example/research</a>' in rendered.html


def test_html_loads_nothing_and_brings_no_colours_of_its_own() -> None:
    for template in COMPOSER.names:
        for context in sample_contexts(FACTS):
            html = COMPOSER.render(template, context).html
            assert not re.search(r"<(?:img|link|script|iframe|form)\b|https?:|url\(|@import|(?<!-)color:", html)
            assert "<style" not in re.sub(r"<!--\[if mso\]>.*?<!\[endif\]-->", "", html)
            assert '<html lang="en-GB" dir="ltr">' in html
            assert 'name="color-scheme" content="light dark"' in html


# --- the mail around it


def test_headers_mark_it_as_an_answer_to_that_message() -> None:
    draft = compose(parsed=message(references=("<r1@x.example>", "<r2@x.example>")), checks=(RuleHit(rule="x", hit=False),))
    mail = read(draft)
    assert b'\r\nFrom: "Action Research" <car@union.example>\r\nTo: "Anna Reid" <anna.reid@school.example>\r\n' in draft.content
    assert draft.recipient == "anna.reid@school.example"
    assert mail["Subject"] == draft.subject == "You are on the list for the EIS action research programme"
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


def named(*sessions: str, **changes: Any) -> AnswerContext:
    extraction = Extraction(kind=Kind.EXPRESSION_OF_INTEREST, sessions=sessions)
    return AnswerContext.of(extraction, Decision(outcome=Outcome.REGISTERED), FACTS, **changes)


def calendars(draft: ReplyDraft) -> list[tuple[str, Any]]:
    return [(part.get_filename(), vobject.readOne(part.get_payload(decode=True).decode())) for part in read(draft).iter_attachments()]


@pytest.mark.parametrize("template", ["registered", "updated"])
def test_the_session_that_was_named_goes_along_for_the_calendar(template: str) -> None:
    draft = compose(template, named("2022-01-25"))
    mail = read(draft)
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]
    (part,) = mail.iter_attachments()
    assert part.get_content_disposition() == "attachment"
    assert part["Content-Type"].params == {"charset": "utf-8", "method": "PUBLISH", "name": "session.ics"}
    ((name, calendar),) = calendars(draft)
    assert name == "session.ics"
    assert calendar.vevent.dtstart.value.astimezone(UTC) == datetime(2022, 1, 25, 15, 30, tzinfo=UTC)
    assert calendar.vevent.summary.value == "Facilitator training: EIS action research programme"
    assert calendar.vevent.organizer.value == "mailto:car@union.example"
    assert calendar.vevent.dtstamp.value == DATE
    assert draft.content == compose(template, named("2022-01-25")).content
    assert draft.content.isascii()


def test_two_sessions_are_two_files_since_outlook_takes_over_one_event_of_a_file() -> None:
    assert [(name, calendar.vevent.dtstart.value.day) for name, calendar in calendars(compose("registered", named("2022-01-19", "2022-01-25")))] == [
        ("session-1.ics", 19),
        ("session-2.ics", 25),
    ]


def test_no_calendar_goes_along_where_there_is_nothing_to_come_to() -> None:
    """None named; named but over; and where the answer does not confirm anything."""
    for template, context in (
        ("registered", named()),
        ("registered", named("2022-01-19", at=datetime(2022, 1, 20, tzinfo=UTC))),
        ("ask_member", named("2022-01-19")),
        ("review", named("2022-01-19")),
        ("withdrawn", named("2022-01-19")),
    ):
        draft = compose(template, context)
        assert read(draft).get_content_type() == "multipart/alternative"
        assert "attached" not in texts(draft)[0]


def test_a_calendar_at_work_is_neutral_too() -> None:
    ((_, calendar),) = calendars(compose("registered", named("2022-01-19", employer_address=True)))
    assert calendar.vevent.summary.value == "Training session"


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
        *("!DOCTYPE", "html", "head", "meta", "title", "body", "div", "p", "h", "ul", "li", "strong", "br", "!", "style", "span", "table", "tr", "td"),
    }


@pytest.mark.parametrize("address", ["seònaid@school.example", "anna@localhost", "a\r\nb@school.example"])
def test_no_answer_is_written_where_none_could_arrive(address: str) -> None:
    with pytest.raises(Permanent, match="can be written"):
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
        (
            "review.txt.j2",
            "{{ greeting }}",
            "{{ greting }}",
            "review.txt.j2, line 3: there is nothing called «greting»; did you mean «greeting»?",
        ),
        ("_next_steps.html.j2", "{{ programme.support }}", "{{ programm.support }}", "_next_steps.html.j2, line 50: there is nothing called «programm»"),
        ("review.txt.j2", "{{ greeting }}", "{{ greeting", "review.txt.j2, line 5: "),
        ("review.txt.j2", "Subject:", "Betreff:", "review.txt.j2, line 1: the first line should be"),
        ("registered.txt.j2", "Calendar: yes", "Calender: yes", "registered.txt.j2, line 2: the head is «Subject: ...», perhaps «Calendar: yes»"),
        ("registered.txt.j2", "Calendar: yes", "Calendar: maybe", "registered.txt.j2, line 2: «Calendar» should be yes or no, not «maybe»"),
        ("_footer.txt.j2", "{% include", "{% inclood", "_footer.txt.j2, line 3: Encountered unknown tag 'inclood'"),
        ("_footer.txt.j2", "_why.txt", "_wy.txt", "_footer.txt.j2, line 3: there is no template «_wy.txt.j2»"),
        ("_understood.txt.j2", "| listed", "| lsited", "_understood.txt.j2, line 2: there is no filter called «lsited»"),
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
        ("review.txt.j2", '{{ "Re:', "{{ '' and 'Re:", "review.txt.j2"),
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
    assert set(AnswerContext(programme=FACTS).variables()) | {"calendar"} == KNOWN


def test_every_name_is_told_to_those_who_write_templates() -> None:
    page = (PROGRAMME.parent / "docs" / "answers.md").read_text(encoding="utf-8")
    told = {name for line in page.split("\n") if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert told == KNOWN | {"subject"} | set(COMPOSER.names)


def test_an_unknown_template_names_those_there_are() -> None:
    with pytest.raises(ProgrammeError, match="there are ask_member, asked_by_person, place, registered, reminder, review"):
        COMPOSER.render("thanks", AnswerContext(programme=FACTS))


# --- our own words


def test_every_sentence_of_our_answers_is_known_as_ours() -> None:
    own = set(own_template_lines(COMPOSER, FACTS))
    for line in (
        "> Thank you for your message. It has arrived safely, and a person will read it and answer you. You need not send it again.",
        "You are on the list, and you need not send your message again.",
        "It has arrived safely, and you need not send it again.",
        "What we have understood:",
        "What is still missing:",
        "What you can do next:",
        "  a) A research group that is already running. Some colleagues and you already do practitioner enquiry together on a shared topic or challenge.",
        "- Please choose one of the facilitator training sessions (UK time) and sign up through the links on the programme’s page:",
        "Which council area is your school in? There are several schools of that name. Is it one of these, or another one? The letter is enough.",
    ):
        assert normalised(line) in own


def test_what_a_member_may_type_is_not_taken_for_ours() -> None:
    own = set(own_template_lines(COMPOSER, FACTS))
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
