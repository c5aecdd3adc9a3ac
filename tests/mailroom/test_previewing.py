"""Answers looked at before they go out: the members made up, and messages and registrations of a real store."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailroom.config import load_config
from mailroom.demo import demo_messages
from mailroom.errors import MailroomError, ProgrammeError
from mailroom.model import Arrival
from mailroom.previewing import Previewer, gallery, load_samples
from mailroom.programme import load_programme
from parse.reader import Reader
from store import Store
from tests.fixtures.commands import Process
from tests.fixtures.installation import ROOT, Installation

PROGRAMME = load_programme(ROOT / "programme")
SAMPLES = load_samples(PROGRAMME.folder / "replies", PROGRAMME.facts, PROGRAMME.composer.names)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Fifteen messages of the demo, polled from a folder, answers held."""
    box = tmp_path_factory.mktemp("box")
    for name, content in list(demo_messages())[:15]:
        (box / f"{name}.eml").write_bytes(content)
    home = Installation(tmp_path_factory.mktemp("preview"))
    home.write(mailbox=f"folder: {box}", smtp_port=None, mode="hold")
    home.poll()
    return home


@pytest.fixture
def previewer(filled: Installation) -> Iterator[Previewer]:
    config = load_config(filled.config)
    reader = Reader(PROGRAMME.folder, own_addresses=config.replies.own, own_names=config.replies.own_names, own_lines=PROGRAMME.own_lines)
    with Store(f"sqlite:///{filled.home}/mailroom.db", read_only=True) as store:
        yield Previewer(PROGRAMME, config=config, open_reader=lambda: reader, open_store=lambda: store)


def command(home: Path, *arguments: str, status: int = 0) -> str:
    """The real command in an empty folder, without settings: what it prints, or complains of."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = Process("mailroom.cli", ["replies", "preview", *arguments], folder=home, environment=environment)
    out, err = process.communicate()
    assert process.returncode == status, err
    return out if status == 0 else err


# --- the members made up


def test_every_answer_has_members_and_every_member_an_answer() -> None:
    assert {answer for sample in SAMPLES for answer in sample.answers} == set(PROGRAMME.composer.names)
    assert all(sample.answers for sample in SAMPLES)
    assert any(PROGRAMME.facts.is_employer(sample.sender.address) for sample in SAMPLES)


def test_the_members_made_up_are_shown_the_same_each_time() -> None:
    previews = list(Previewer(PROGRAMME).samples())
    assert [p.case for p in previews] == [f"{name}, {s.case}" for name in PROGRAMME.composer.names for s in SAMPLES if name in s.answers]
    assert previews == list(Previewer(PROGRAMME).samples())
    at_work = next(p for p in previews if p.case == "registered, at-work")
    at_home = next(p for p in previews if p.case == "registered, complete")
    assert (at_work.subject, at_home.subject) == ("Re: your message", "You are on the list for the EIS action research programme")
    assert at_home.recipient == "Anna Reid <anna.reid@example.net>"
    assert at_home.text.startswith("Dear Anna,\n")
    assert at_home.html.startswith("<!DOCTYPE html>")
    assert [name for name, content in at_home.attachments if content.startswith(b"BEGIN:VCALENDAR")] == ["session.ics"]


def test_sessions_stand_where_the_case_says() -> None:
    said = {p.case.partition(", ")[2]: p.text for p in Previewer(PROGRAMME).samples("registered")}
    assert "Please choose one of the facilitator training sessions" in said["no-session"]
    assert "19 January 2022, 14:00–15:30, is over" in said["session-over"]
    assert "There is still room in the session on Tuesday 25 January" in said["session-over"]
    assert "Sign-up for the facilitator training sessions has closed" in said["sessions-over"]
    assert said["both-sessions"].count("You named the training session") == 2
    assert said["both-sessions"].startswith("Hello,")
    assert "- We have kept a place for you in the training session on Wednesday 19 January" in said["place-kept"]
    assert "You are on its waiting list" in said["waiting-list"]
    assert "There is still room in the session on Tuesday 25 January" in said["waiting-list"]
    assert "The facilitator training sessions are full." in said["all-full"]


def test_all_of_them_on_one_page_that_fetches_nothing() -> None:
    previews = list(Previewer(PROGRAMME).samples())
    page = gallery(previews)
    assert page.count("<iframe sandbox srcdoc=") == len(previews)
    assert not re.search(r"""\b(?:src|href)=["']?http|url\(|<script|<link""", page)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("samples:", "sample:", "samples.yaml, line 10: unknown key «sample»; did you mean «samples»?"),
        ("answers: [registered, updated", "answers: [registred, updated", "samples.yaml, line 13: «answers»: there is no «registred»; known here: ask_member"),
        ("activities: [existing_individual]", "activities: [existing]", "samples.yaml, line 17: «activities»: there is no «existing»"),
        ("topics:", "topic:", "samples.yaml, line 18: unknown key «topic»; did you mean «topics»?"),
        ("sessions: first", "sessions: [first]", "samples.yaml, line 19: «sessions»: there is no «['first']»; known here: none, first, all"),
        ("from: Anna Reid <anna.reid@example.net>", "from: Anna Reid", "samples.yaml, line 14: «from» should be a name and address"),
        ("case: at-work", "case: complete", "samples.yaml, line 21: the case «complete» is there twice"),
        ("when: first_over", "when: soon", "«when»: there is no «soon»; known here: before, first_over, all_over"),
        ("missing: [authority]", "missing: [council]", "«missing»: there is no «council»; known here: institution, authority, activity"),
        ("institutions: [Wallace High School]", "institutions: Wallace High School", "samples.yaml, line 15: «institutions» should be a list of texts"),
    ],
)
def test_a_mistake_in_the_samples_is_named_with_file_and_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (PROGRAMME.folder / "replies" / "samples.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "samples.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError) as caught:
        load_samples(tmp_path, PROGRAMME.facts, PROGRAMME.composer.names)
    assert message in str(caught.value)


# --- messages and registrations


def test_a_message_of_the_store_is_answered_as_it_was(filled: Installation, previewer: Previewer) -> None:
    """For every message of the store: the same words as the answer that is held, or why there is none. Nothing is written."""
    database = filled.home / "mailroom.db"
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    with Store(f"sqlite:///{database}", read_only=True) as store:
        replies = {reply.message_id: reply for reply in store.replies(None)}
        messages = [message.id for message in store.messages()]
        assert {reply.template for reply in replies.values()} == {"registered", "ask_member", "review"}
        assert len(messages) > len(replies)
        for id in messages:
            if id not in replies:
                with pytest.raises(MailroomError, match=f"^message {id}: no answer would be sent \\(.+\\)$"):
                    previewer.message(str(id))
                continue
            held = email.message_from_bytes(store.reply_content(replies[id].id) or b"", policy=email.policy.default)
            body = held.get_body(("plain",))
            assert body is not None
            preview = previewer.message(str(id))
            assert (preview.template, preview.subject, preview.text) == (replies[id].template, held["Subject"], body.get_content().replace("\r\n", "\n"))
            if (registration := replies[id].registration_id) is not None:
                assert previewer.registration(registration).text == preview.text
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before


def test_another_answer_may_be_tried(filled: Installation, previewer: Previewer) -> None:
    with Store(f"sqlite:///{filled.home}/mailroom.db", read_only=True) as store:
        registration = next(one for one in store.registrations() if one.state == "registered")
    preview = previewer.registration(registration.id, "withdrawn")
    assert preview.template == "withdrawn"
    assert registration.values_of("institution")[0] in preview.text
    assert previewer.registration(registration.member_address, "withdrawn").text == preview.text, "an address names it as well"
    assert "a person will read it" in previewer.message("1", "review").text


def test_a_message_that_waits_is_read_for_the_preview_and_goes_on_waiting(previewer: Previewer, filled: Installation) -> None:
    content = (ROOT / "mailroom/demo/mail/06-missing-council.eml").read_bytes().replace(b"From: ", b"X-Other: 1\r\nFrom: ", 1)
    now = datetime(2022, 1, 10, tzinfo=UTC)
    digest = hashlib.sha256(content).hexdigest()
    arrival = Arrival(mailbox="programme", uidvalidity=1, uid=9000, internal_date=now, fetched_at=now, size=len(content), sha256=digest, content=content)
    with Store(f"sqlite:///{filled.home}/mailroom.db") as store:
        assert store.add_arrivals([arrival], now).new == 1
        (waiting,) = store.waiting()
        try:
            # The same letter came a minute ago: this one says nothing new, and gets no second answer.
            with pytest.raises(MailroomError, match="no answer would be sent"):
                previewer.message(str(waiting.id))
            assert previewer.message(digest[:12], "ask_member").template == "ask_member"
            assert [message.id for message in store.waiting()] == [waiting.id]
            assert not [reply for reply in store.replies(None) if reply.message_id == waiting.id]
        finally:
            store.quarantine(waiting.id, "unreadable", now)


def test_a_file_is_read_without_a_store(previewer: Previewer) -> None:
    mail = ROOT / "mailroom/demo/mail"
    preview = previewer.file((mail / "01-page-headings.eml").read_bytes(), "01-page-headings.eml")
    assert preview.case == "registered, 01-page-headings.eml"
    with pytest.raises(MailroomError, match=r"12-out-of-office\.eml: no answer would be sent"):
        previewer.file((mail / "12-out-of-office.eml").read_bytes(), "12-out-of-office.eml")


@pytest.mark.parametrize("ask", [lambda p: p.message("9999"), lambda p: p.registration("R-NOPE"), lambda p: list(p.samples(case="nobody"))])
def test_an_unknown_name_is_told(previewer: Previewer, ask: Callable[[Previewer], object]) -> None:
    with pytest.raises(MailroomError, match=r"no message «9999»|no registration «R-NOPE»|no case «nobody»; samples\.yaml has complete, at-work"):
        ask(previewer)


# --- the command


def test_the_command_shows_what_is_asked_for(tmp_path: Path) -> None:
    home, page = tmp_path / "empty", tmp_path / "page.html"
    home.mkdir()
    done = command(home, "registered", "--case", "at-work")
    assert done.startswith("=== registered, at-work: The same at an employer's address")
    assert "\nSubject: Re: your message\nAttached: session.ics (" in done
    assert command(home, "withdrawn", "--case", "nothing-known", "--html", str(page)) == ""  # any answer for any case
    assert page.read_text(encoding="utf-8").startswith('<!DOCTYPE html>\n<html lang="en-GB"')
    assert len(json.loads(command(home, "--html", str(page), "--json"))) == sum(len(sample.answers) for sample in SAMPLES)
    assert page.read_text(encoding="utf-8").count("<iframe") == sum(len(sample.answers) for sample in SAMPLES)
    said = command(home, "--file", str(ROOT / "mailroom/demo/mail/12-out-of-office.eml"), status=1)
    assert "12-out-of-office.eml: no answer would be sent" in said
    assert "there is no answer «thanks»; replies/ has ask_member" in command(home, "thanks", status=1)
    command(home, "--case", "complete", "--message", "1", status=2)
    assert list(home.iterdir()) == []


def test_the_command_looks_into_the_store(filled: Installation) -> None:
    (shown,) = json.loads(filled.run("replies", "preview", "--message", "1", "--json").stdout)
    assert shown["case"] == f"{shown['template']}, message 1"


def test_a_slip_in_a_template_is_told_with_file_line_and_mend(filled: Installation, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "programme", tmp_path / "programme"))
    home = Installation(tmp_path)
    home.config.write_text(filled.config.read_text().replace("programme: {", f"programme: {{folder: {folder}, "))
    file = folder / "replies" / "registered.txt.j2"
    good = file.read_text(encoding="utf-8")
    slip, said = good.replace("{{ greeting }}", "{{ greting }}"), "registered.txt.j2, line 4: there is nothing called «greting»; did you mean «greeting»?"
    file.write_text(slip, encoding="utf-8")
    assert command(tmp_path, "registered", "--programme", str(folder), status=1).startswith(f"mailroom: {said}")
    assert f"WRONG programme: {said}" in home.run("check", ok=False).stdout
    file.write_text(good.replace("{% endif %}", "{% endfi %}"), encoding="utf-8")
    assert "registered.txt.j2, line 10: Encountered unknown tag 'endfi'" in command(tmp_path, "--programme", str(folder), status=1)
    file.write_text(good, encoding="utf-8")
    assert f"answers; «mailroom replies preview» shows them for {len(SAMPLES)} members made up" in home.run("check", ok=False).stdout
