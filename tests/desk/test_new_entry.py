"""An entry by hand: what was typed is kept, what it may mean is asked once, and mail of that member goes on with it."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import html

from desk.routing import Role
from store import RegistrationFilter, RegistrationState
from tests.fixtures.desk import House

NEW = {
    "name": "Ishbel  Begg",
    "address": "Ishbel@Mail.example",
    "institution": "Hillend Primary School",
    "authority": "Fife",
    "activity": "existing_individual",
}


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def page_of(answer: Any, status: int) -> html.HtmlElement:
    assert answer.status_code == status, answer.text
    return html.fromstring(answer.text)


def kept(**values: str) -> dict[str, str]:
    """The form as it is sent once the school was looked at."""
    form = {**NEW, **values}
    return {**form, "kept": form["institution"]}


def test_member_who_rang_is_on_the_register_and_taken_back(house: House) -> None:
    client = house.client()
    answer = client.post("/register/new", data=kept(session="2022-01-25", topic="play"))
    assert answer.status_code == 303
    page = page_of(client.get(answer.headers["location"]), 200)
    assert "Ishbel Begg was entered. It is registered." in words(page.xpath("//div[@class='said']")[0])
    (line,) = house.store.find_registrations(RegistrationFilter(member="ishbel begg")).lines
    assert (line.state, line.councils, line.activities, line.sessions, line.topics, line.messages) == (
        RegistrationState.REGISTERED,
        ("Fife",),
        ("existing_individual",),
        ("2022-01-25",),
        ("play",),
        0,
    )
    found = house.store.find_registration(line.id)
    assert found is not None and {value.person for value in found.values} == {"moira"}
    assert house.store.find_registrations(RegistrationFilter(text="hillend ishbel")).total == 1
    assert not house.store.unsent_of([line.id])
    (undo,) = page.xpath("//form[starts-with(@action, '/undo/')]/@action")
    assert client.post(undo, data={"back": "/register"}).status_code == 303
    assert house.store.find_registrations(RegistrationFilter(member="ishbel begg")).total == 0


def test_what_is_missing_needs_a_person(house: House) -> None:
    client = house.client()
    answer = client.post("/register/new", data={"name": "Ishbel Begg"})
    assert answer.status_code == 303
    (line,) = house.store.find_registrations(RegistrationFilter(member="ishbel begg")).lines
    assert (line.state, line.missing, line.member_address) == (RegistrationState.REVIEW, ("institution", "authority", "activity"), "")
    assert client.get(f"/item/{line.id}").status_code == 200
    assert house.client().get("/queue").status_code == 200


def test_their_mail_goes_on_with_the_entry(house: House) -> None:
    assert house.client().post("/register/new", data=kept()).status_code == 303
    before = house.store.find_registrations().total
    mail = (
        b"From: Ishbel Begg <ishbel@mail.example>\r\nTo: car@union.example\r\nSubject: Research\r\nMessage-ID: <begg@mail.example>\r\n"
        b"Date: Mon, 10 Jan 2022 09:00:00 +0000\r\n\r\nHello, I rang last week about the action research programme. Our topic is play in Primary 1.\r\n"
    )
    house.deliver("begg", mail)
    house.poll()
    (line,) = house.store.find_registrations(RegistrationFilter(member="ishbel begg")).lines
    assert house.store.find_registrations().total == before
    assert line.messages == 1
    assert line.institutions == ("Hillend Primary School",)


def test_school_that_is_not_listed_is_asked_about_once(house: House) -> None:
    client = house.client()
    answer = client.post("/register/new", data={**NEW, "institution": "Forth Valey College"})
    page = page_of(answer, 422)
    buttons = page.xpath("//button[@name='use']")
    assert any("Forth Valley College" in words(button) for button in buttons)
    assert page.xpath("//input[@name='name']/@value") == ["Ishbel Begg"]
    number = next(button.get("value") for button in buttons if "Forth Valley College" in words(button))
    page = page_of(client.post("/register/new", data={**NEW, "institution": "Forth Valey College", "use": number}), 200)
    assert page.xpath("//input[@name='institution']/@value") == ["Forth Valley College"]
    assert client.post("/register/new", data={**NEW, "institution": "Forth Valey College", "kept": "Forth Valey College"}).status_code == 303
    assert house.store.find_registrations(RegistrationFilter(institutions=("Forth Valey College",))).total == 1


@pytest.mark.parametrize("values", [{"address": "Shona"}, {"name": ""}, {"authority": "Atlantis"}, {"name": "x\x07y"}, {"address": "a@b\nBcc: c@d.example"}])
def test_what_cannot_be_is_said_and_what_was_typed_stays(house: House, values: dict[str, str]) -> None:
    before = house.store.find_registrations().total
    page = page_of(house.client().post("/register/new", data=kept(**values)), 422)
    assert words(page.xpath("//*[@class='wrong']")[0])
    assert page.xpath("//input[@name='activity'][@checked]/@value") == ["existing_individual"]
    assert house.store.find_registrations().total == before


def test_member_who_is_there_already_is_shown_first(house: House) -> None:
    client, line = house.client(), house.store.find_registrations().lines[0]
    for values in ({"name": "Somebody Else", "address": line.member_address.upper()}, {"name": line.member_name, "address": ""}):
        page = page_of(client.post("/register/new", data=kept(**values)), 422)
        assert page.xpath("//*[@role='alert']//a/@href") == [f"/item/{line.id}"]
    assert client.post("/register/new", data={**kept(name=line.member_name), "another": "1"}).status_code == 303


def test_viewer_enters_nobody(house: House) -> None:
    client = house.client(Role.VIEWER)
    assert client.get("/register/new").status_code == 403
    assert client.post("/register/new", data=kept()).status_code == 403
    assert not page_of(client.get("/register"), 200).xpath("//a[@href='/register/new']")
