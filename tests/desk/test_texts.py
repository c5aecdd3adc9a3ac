"""What the replies say: sentences of each answer, tried in a frame, kept in versions."""

from __future__ import annotations

from typing import Any

from lxml import html

from store import Role
from tests.fixtures.desk import House


def tree(response: Any) -> Any:
    return html.fromstring(response.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def form(house: House, answer: str = "registered") -> dict[str, str]:
    """The form as a browser would send it."""
    page = tree(house.client().get(f"/replies/texts?answer={answer}"))
    (found,) = page.xpath("//form[@action='/replies/texts/save']")
    fields = {node.get("name"): node.text_content().strip("\n") for node in found.xpath(".//textarea")}
    return fields | {node.get("name"): node.get("value") for node in found.xpath(".//input[@type='hidden']") if node.get("name") != "csrf"} | {"on": ""}


def thanks(fields: dict[str, str]) -> str:
    return next(name for name, text in fields.items() if "You are on the list, and you need not send your message again" in text)


def test_each_answer_offers_its_sentences(house: House) -> None:
    fields = form(house)
    assert len([name for name in fields if name.startswith("sentence-")]) > 10
    assert fields["version"] == "0"
    assert any("Which council area is your school in?" in text for text in form(house, "ask_member").values())


def test_a_sentence_is_kept_and_had_back(house: House) -> None:
    client, fields = house.client(), form(house)
    name, shipped = thanks(fields), fields[thanks(fields)]
    answer = client.post("/replies/texts/save", data={**fields, name: "Good to hear from you, says the {short name}."})
    assert (answer.status_code, answer.headers["location"]) == (303, "/replies/texts?answer=registered")
    assert form(house)[name] == "Good to hear from you, says the {short name}."
    versions = tree(client.get("/replies/texts/versions"))
    assert [words(node) for node in versions.xpath("//section//h2")] == ["Version 1 in use", "As shipped"]
    assert words(versions.xpath("//del")[0]) == shipped
    client.post("/replies/texts/restore", data={"version": "0", "seen": "1"})
    assert form(house)[name] == shipped


def test_the_shipped_words_are_one_button_away(house: House) -> None:
    client, fields = house.client(), form(house)
    name, shipped = thanks(fields), fields[thanks(fields)]
    client.post("/replies/texts/save", data={**fields, name: "Hello."})
    (button,) = tree(client.get("/replies/texts?answer=registered")).xpath("//button[@name='as-shipped']")
    client.post("/replies/texts/save", data={**form(house), "as-shipped": button.get("value")})
    assert form(house)[name] == shipped


def test_what_cannot_be_kept_is_shown_again_with_the_reason_beside_it(house: House) -> None:
    fields = form(house)
    name = thanks(fields)
    answer = house.client().post("/replies/texts/save", data={**fields, name: "Dear {nobody}, hello."})
    assert answer.status_code == 422
    page = tree(answer)
    (area,) = page.xpath(f"//textarea[@name='{name}']")
    assert (area.text_content().strip(), area.get("aria-invalid")) == ("Dear {nobody}, hello.", "true")
    assert "There is nothing called {nobody}" in words(page.xpath(f"//*[@id='{area.get('aria-describedby')}']")[0])
    assert form(house)["version"] == "0"


def test_the_frame_shows_what_was_typed_on_a_real_entry_and_keeps_nothing(house: House) -> None:
    registration = next(one for one in house.store.registrations() if one.state == "registered")
    fields = form(house)
    shown = house.client().post("/replies/texts/preview", data={**fields, thanks(fields): "Hello <b>there</b> & all.", "on": registration.id})
    assert "Hello &lt;b&gt;there&lt;/b&gt; &amp; all." in shown.text
    assert registration.member_address in shown.text
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert form(house)["version"] == "0"
    wrong = house.client().post("/replies/texts/preview", data={**fields, thanks(fields): "{nix}"})
    assert "There is nothing called {nix}" in wrong.text


def test_of_two_who_word_at_once_the_second_is_told(house: House) -> None:
    client, fields = house.client(), form(house)
    client.post("/replies/texts/save", data={**fields, thanks(fields): "One."})
    second = client.post("/replies/texts/save", data={**fields, thanks(fields): "Two."})
    assert second.status_code == 409
    assert "changed the reply texts meanwhile" in words(tree(second))


def test_a_viewer_reads_them_only(house: House) -> None:
    page = tree(house.client(Role.VIEWER).get("/replies/texts"))
    assert all(area.get("readonly") is not None for area in page.xpath("//textarea"))
    assert house.client(Role.VIEWER).post("/replies/texts/save", data={}).status_code == 403
