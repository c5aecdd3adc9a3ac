"""Many entries at once, page by page: choosing, seeing what would change, doing it, and taking it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from lxml import html

from desk.pages.bulk import DEEDS, MOST
from desk.routing import Role
from store import RegistrationFilter, RegistrationState
from tests.fixtures.desk import House

REVIEW = RegistrationFilter(states=(RegistrationState.REVIEW,))


def page_of(answer: Any, status: int = 200) -> html.HtmlElement:
    assert answer.status_code == status, answer.text
    return html.fromstring(answer.text)


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def fields(form: html.HtmlElement) -> dict[str, str]:
    return {name: form.fields[name] or "" for name in form.fields}


def test_all_that_match_are_shown_then_done_and_taken_back(house: House) -> None:
    client = house.client()
    found = house.store.find_registrations(REVIEW)
    assert found.total > 1
    page = page_of(client.get("/register/bulk?do=withdraw&all=1&view=state%3Dreview"))
    assert f"{found.total} entries will change." in words(page.xpath("//main")[0])
    assert page.xpath("//tbody//th/a/@href") == [f"/item/{line.id}" for line in found.lines]
    assert all("Taken off the register" in words(cell) for cell in page.xpath("//td[@data-label='What changes']"))
    assert house.store.find_registrations(REVIEW).total == found.total  # nothing has been done
    (form,) = page.xpath("//form[@action='/register/bulk/do']")
    answer = client.post(form.action, data=fields(form))
    assert (answer.status_code, answer.headers["location"]) == (303, "/register?state=review")
    after = page_of(client.get(answer.headers["location"]))
    assert f"Taken off the register: {found.total} entries." in words(after.xpath("//div[@class='said']")[0])
    assert house.store.find_registrations(REVIEW).total == 0
    (undo,) = after.xpath("//form[starts-with(@action, '/undo/')]")
    assert client.post(undo.action, data=fields(undo)).status_code == 303
    assert {line.id for line in house.store.find_registrations(REVIEW).lines} == {line.id for line in found.lines}


def test_ticked_ones_need_their_value_first(house: House) -> None:
    client = house.client()
    registered = house.store.find_registrations(RegistrationFilter(states=(RegistrationState.REGISTERED,))).lines
    chosen = [line for line in registered if not line.sessions][:2] + [line for line in registered if "2022-01-25" in line.sessions][:1]
    query = urlencode([("do", "add-session"), ("view", "q=a"), *(("id", line.id) for line in chosen)])
    page = page_of(client.get(f"/register/bulk?{query}"))
    (form,) = page.xpath("//main//form")
    assert form.xpath(".//select[@name='value']/option/@value") == ["", "2022-01-19", "2022-01-25"]
    assert form.xpath(".//input[@name='id']/@value") == [line.id for line in chosen]
    page = page_of(client.get(f"/register/bulk?{query}&value=2022-01-25"))
    assert page.xpath("//tbody//th/a/@href") == [f"/item/{line.id}" for line in chosen[:2]]
    (left,) = page.xpath("//section//li")
    assert words(left) == f"Have it already: 1 ({chosen[2].member_name})"
    (form,) = page.xpath("//form[@action='/register/bulk/do']")
    assert client.post(form.action, data=fields(form)).status_code == 303
    assert all("2022-01-25" in line.sessions for line in house.store.registration_lines([line.id for line in chosen]))


@pytest.mark.parametrize(
    ("query", "status"), [("do=accept", 422), ("do=nothing&all=1", 422), ("do=add-topic&all=1&value=+", 422), ("do=set-council&all=1&value=Atlantis", 422)]
)
def test_what_cannot_be_done_is_said(house: House, query: str, status: int) -> None:
    answer = house.client().get(f"/register/bulk?{query}")
    page = page_of(answer, status)
    assert words(page.xpath("//h1")[0])
    if "value" in query:
        (wrong,) = page.xpath("//*[@name='value'][@aria-invalid='true']")
        assert words(page.get_element_by_id(wrong.get("aria-describedby")))


def test_entry_changed_between_looking_and_doing_is_left_and_told(house: House) -> None:
    client = house.client()
    line = house.store.find_registrations(REVIEW).lines[0]
    page = page_of(client.get("/register/bulk?do=withdraw&all=1&view=state%3Dreview"))
    house.office.correct(line.id, line.revision, {"topic": ["another"]}, who="callum", settle=False)
    (form,) = page.xpath("//form[@action='/register/bulk/do']")
    answer = client.post(form.action, data=fields(form))
    said = words(page_of(client.get(answer.headers["location"])).xpath("//div[@class='said']")[0])
    assert "1 was changed by somebody else meanwhile: it is as it was." in said
    assert house.store.registration_lines([line.id])[0].state is RegistrationState.REVIEW


@pytest.mark.parametrize(
    "seen",
    [
        "",
        "R-AAAAAAAAAAAAAAAA",
        "x" * 100,
        " ".join(f"R-AAAAAAAAAAAAAA{a}{b}:1" for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    ],
)
def test_form_that_no_page_of_ours_made_does_nothing(house: House, seen: str) -> None:
    answer = house.client().post("/register/bulk/do", data={"do": "withdraw", "seen": seen, "view": ""})
    assert answer.status_code == 422
    assert MOST < 1024  # of which the last form has too many


def test_every_deed_shows_a_page(house: House) -> None:
    client = house.client()
    values = {"activity": "existing_individual", "session": "2022-01-19", "topic": "play", "authority": "Fife"}
    for key, deed in DEEDS.items():
        page = page_of(client.get(f"/register/bulk?do={key}&all=1&value={values.get(deed.field, '')}"))
        assert page.xpath("//form[@action='/register/bulk/do']//button"), key
        assert "Nothing has been done yet." in words(page.xpath("//main")[0])


def test_viewer_changes_nothing(house: House) -> None:
    client = house.client(Role.VIEWER)
    assert client.get("/register/bulk?do=accept&all=1").status_code == 403
    assert client.post("/register/bulk/do", data={"do": "withdraw", "seen": "R-AAAAAAAAAAAAAAAA:1"}).status_code == 403
