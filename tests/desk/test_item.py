"""One item, asked without a browser: the message beside its fields, every deed on it, and what happens where somebody was quicker."""

from __future__ import annotations

import email
import email.message
import email.policy
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import html

from desk.routing import Role
from mailroom.model import Arrival, MessageState, ReplyState
from store import Registration, RegistrationState
from tests.fixtures.desk import House
from tests.fixtures.hostile import hostile_mail


def page(house: House, address: str, role: Role = Role.COORDINATOR) -> Any:
    answer = house.client(role).get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return html.fromstring(answer.text)


def entry(house: House, name: str) -> Registration:
    return next(one for one in house.store.registrations() if one.member_name == name)


def words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def field(shown: Any, slot: str) -> Any:
    return shown.cssselect(f"[data-field={slot}]")[0]


def form(registration: Registration, **changes: Any) -> dict[str, Any]:
    """What the page's form sends, with changes."""
    values = {name: list(registration.values_of(name)) for name in ("institution", "authority", "activity", "topic", "session")}
    return {"revision": str(registration.revision), **values, **changes}


# --- looking


def test_the_message_stands_beside_what_was_understood(house: House) -> None:
    shown = page(house, f"/item/{entry(house, 'Morag Finlayson').id}")
    assert words(shown.cssselect("h1")[0]) == "Morag Finlayson"
    marks = {one.get("class"): words(one) for one in reversed(shown.cssselect(".mail.own mark"))}
    assert marks["institution"] == "School : Balnacraig Primary School" and marks["authority"] == "Council : Highland Council"
    assert shown.cssselect("[name=institution]")[0].get("value") == "Balnacraig Primary School"
    assert "the council by name" in words(field(shown, "authority"))
    assert words(shown.cssselect(".reasons")[0]) == "Why it needs you A person should answer: the member registers and asks something."
    talk = [words(one) for one in shown.cssselect(".talk > li")]
    assert len(talk) == 2 and "shown above" in talk[0] and talk[1].startswith("We wrote")
    assert "wants to take part" in words(shown.cssselect(".history tbody")[0])


def test_what_is_missing_comes_first_and_says_so(house: House) -> None:
    shown = page(house, f"/item/{entry(house, 'Jean Tulloch').id}")
    first = shown.cssselect("[data-field]")[0]
    assert first.get("data-field") == "authority" and words(first.cssselect(".flag")[0]) == "Missing"
    assert [one.get("data-field") for one in shown.cssselect("[data-field]")][1:] == ["institution", "activity", "topic", "session"]


def test_folded_parts_are_there_and_say_what_they_are(house: House) -> None:
    shown = page(house, f"/item/{entry(house, 'Helen Park').id}")
    folded = {words(one.cssselect("summary")[0]): words(one.cssselect(".mail")[0]) for one in shown.cssselect("details.zone")}
    assert any(name.startswith("Quoted") and text for name, text in folded.items())
    body = house.store.conversation(entry(house, "Helen Park").id).turns[-1].reading.parsed.body  # type: ignore[union-attr]
    everything = "".join("".join(one.itertext()) for one in shown.cssselect(".letter .mail"))
    for tag in shown.cssselect(".letter .mail .tag"):
        everything = everything.replace("".join(tag.itertext()), "", 1)
    assert "".join(everything.split()) == "".join(body.split())


def test_evidence_in_a_folded_part_opens_it(house: House) -> None:
    registration = entry(house, "Anne-Marie Docherty")
    shown = page(house, f"/item/{registration.id}")
    opened = next(one for one in shown.cssselect("details.zone") if "expression of interest.docx" in words(one))
    assert opened.get("open") is not None and opened.cssselect("mark.institution")
    [link] = shown.cssselect(".files a")
    answer = house.client().get(link.get("href"))
    assert answer.content[:2] == b"PK" and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="expression of interest.docx"')
    assert "sandbox" in answer.headers["content-security-policy"] and answer.headers["x-content-type-options"] == "nosniff"


def test_every_message_of_the_demo_has_its_page(house: House) -> None:
    for message in house.store.messages(limit=100):
        answer = house.client().get(f"/message/{message.id}")
        if answer.status_code == 303:
            assert house.client().get(answer.headers["location"]).status_code == 200
        else:
            assert answer.status_code == 200 and house.store.message(message.id).registrations == ()  # type: ignore[union-attr]


def test_unknown_and_odd_addresses_are_not_found(house: House) -> None:
    sha = house.store.messages(limit=1)[0].sha256
    digits = "".join(c for c in sha if c.isdigit())[:6]
    for address in ("/item/R-NOBODY", "/message/999999", "/message/99999999999999999999999", f"/message/{digits}99", "/item/%3Cscript%3E"):
        assert house.client().get(address).status_code == 404, address


def test_a_viewer_sees_and_cannot_change(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    shown = page(house, f"/item/{registration.id}", Role.VIEWER)
    assert not shown.cssselect("form#fields") and "Balnacraig Primary School" in words(shown.cssselect(".fields")[0])
    assert house.client(Role.VIEWER).post(f"/item/{registration.id}/save", data=form(registration, do="accept")).status_code == 403


def test_every_look_is_in_the_history(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    page(house, f"/item/{registration.id}")
    assert [one.actor for one in house.store.history(registration_id=registration.id) if one.event == "viewed"] == ["moira"]


def test_who_else_has_it_open_is_said(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    page(house, f"/item/{registration.id}", Role.ADMINISTRATOR)
    shown = page(house, f"/item/{registration.id}")
    assert "Moira Administrator has this open since" in words(shown)
    assert "Moira Administrator" in house.client().get(f"/item/{registration.id}/here").text


# --- the message as it came


def test_html_stands_in_a_sandbox_and_the_message_leaves_as_it_came(house: House) -> None:
    registration = entry(house, "Niamh O'Hara")
    number = registration.messages[0]
    assert not page(house, f"/item/{registration.id}").cssselect("iframe")
    [frame] = page(house, f"/item/{registration.id}?show=html").cssselect("iframe")
    assert frame.get("sandbox") == "" and frame.get("src") == f"/message/{number}/html"
    answer = house.client().get(f"/message/{number}/html")
    policy = answer.headers["content-security-policy"]
    assert "sandbox;" in policy and "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "<script" not in answer.text and "<img" not in answer.text
    raw = house.client().get(f"/message/{number}/download")
    assert raw.content == house.store.message(number).content  # type: ignore[union-attr]
    assert raw.headers["content-disposition"].startswith("attachment;") and "sandbox" in raw.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "..%2f..%2fconfig.yaml", "%00", "x%0d%0aSet-Cookie:%20a=b", "C:%5Cwindows%5Cwin.ini"])
def test_a_name_in_the_address_reaches_nothing(house: House, name: str) -> None:
    number = entry(house, "Anne-Marie Docherty").messages[0]
    index = page(house, f"/item/{entry(house, 'Anne-Marie Docherty').id}").cssselect(".files a")[0].get("href").split("/")[4]
    answer = house.client().get(f"/message/{number}/attachment/{index}/{name}")
    if answer.status_code == 200:
        assert answer.content[:2] == b"PK" and "expression of interest.docx" in answer.headers["content-disposition"]
    else:
        assert answer.status_code == 404
    assert "set-cookie" not in answer.headers
    assert house.client().get(f"/message/{number}/attachment/0/{name}").status_code == 404


# --- deeds


def test_accepting_goes_on_to_the_next_of_the_queue_and_can_be_undone(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    client = house.client()
    answer = client.post(f"/item/{registration.id}/save", data=form(registration, do="accept"))
    assert answer.status_code == 303 and answer.headers["location"].startswith(("/item/", "/message/")) and registration.id not in answer.headers["location"]
    assert house.store.registration(registration.id).state is RegistrationState.REGISTERED  # type: ignore[union-attr]
    assert {one.state for one in house.store.messages_of(registration.id)} == {MessageState.REGISTERED}
    shown = html.fromstring(client.get(answer.headers["location"]).text)
    [undo] = shown.cssselect(".said form[action^='/undo/']")
    back = client.post(undo.get("action"), data={"back": "/", "item": registration.id})
    assert back.headers["location"] == f"/item/{registration.id}"
    assert house.store.registration(registration.id).state is RegistrationState.REVIEW  # type: ignore[union-attr]


def test_corrections_are_saved_and_accepted_in_one_go(house: House) -> None:
    registration = entry(house, "Jean Tulloch")
    answer = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="accept", authority=["Fife"], session=["2022-01-25"]))
    assert answer.status_code == 303
    after = house.store.registration(registration.id)
    assert after is not None and after.state is RegistrationState.REGISTERED and after.missing == ()
    assert after.values_of("authority") == ("Fife",) and after.values_of("session") == ("2022-01-25",)
    assert {value.person for value in after.values if value.field == "authority"} == {"moira"}
    lines = [words(one) for one in page(house, f"/item/{registration.id}").cssselect(".history tbody tr")]
    line = next(one for one in lines if "Council : Fife" in one.replace("Council:", "Council :"))
    assert "moira" in line and "Waiting for the member → became On the register" in line


def test_saving_keeps_it_open(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    answer = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="save", topic=["outdoor play", "forest school"]))
    assert answer.headers["location"] == f"/item/{registration.id}"
    after = house.store.registration(registration.id)
    assert after is not None and after.state is RegistrationState.REVIEW and after.values_of("topic") == ("outdoor play", "forest school")


def test_a_runner_up_is_taken_without_a_script(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    shown = page(house, f"/item/{registration.id}")
    button = field(shown, "topic").cssselect("button[name=use]")[0]
    wanted = json.loads(button.get("value"))
    house.client().post(f"/item/{registration.id}/save", data=form(registration, use=button.get("value")))
    after = house.store.registration(registration.id)
    assert after is not None and after.values_of("topic") == (wanted["value"],) and after.state is RegistrationState.REVIEW


def test_accepting_what_lacks_something_is_asked_about_and_may_be_done_all_the_same(house: House) -> None:
    registration = entry(house, "Peter Osei")
    client = house.client()
    answer = client.post(f"/item/{registration.id}/save", data=form(registration, do="accept"))
    assert answer.status_code == 422
    shown = html.fromstring(answer.text)
    assert "Not known surely yet: Taking part as." in words(shown.cssselect("[role=alert]")[0])
    [button] = shown.cssselect("button[value=anyway]")
    assert button.get("data-key") == "a"
    assert client.post(f"/item/{registration.id}/save", data=form(registration, do="anyway", topic=["play"])).status_code == 303
    after = house.store.registration(registration.id)
    assert after is not None and after.state is RegistrationState.REGISTERED and after.values_of("topic") == ("play",)


def test_a_value_that_nobody_knows_is_shown_again_with_what_is_wrong_beside_it(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    answer = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="save", authority=["Narnia"], topic=["<b>lions</b>"]))
    assert answer.status_code == 422
    shown = html.fromstring(answer.text)
    assert "«Narnia»" in words(shown.cssselect("#e-authority")[0])
    assert shown.cssselect("select[name=authority]")[0].get("aria-describedby") == "e-authority"
    assert shown.cssselect("select[name=authority] option[selected]")[0].get("value") == "Narnia"
    assert shown.cssselect("[name=topic]")[0].get("value") == "<b>lions</b>"
    assert house.store.registration(registration.id).revision == registration.revision  # type: ignore[union-attr]


def test_the_school_search_works_without_a_script(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    answer = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="find", institution=["borders coll"], topic=["typed"]))
    shown = html.fromstring(answer.text)
    found = [json.loads(one.get("value"))["value"] for one in field(shown, "institution").cssselect("ul[aria-label='Schools and colleges found'] button")]
    assert answer.status_code == 200 and found[0] == "Borders College" and shown.cssselect("[name=topic]")[0].get("value") == "typed"
    answer = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="find", institution=["zzyzx"]))
    shown = field(html.fromstring(answer.text), "institution")
    assert "No school or college of the lists was found" in words(shown) and shown.cssselect("[name=institution]")[0].get("value") == "zzyzx"
    assert house.store.registration(registration.id).revision == registration.revision  # type: ignore[union-attr]


def test_somebody_was_quicker(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    house.client(Role.ADMINISTRATOR).post(f"/item/{registration.id}/save", data=form(registration, do="save", topic=["trees"]))
    mine = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="accept", topic=["<i>mud</i>"]))
    assert mine.status_code == 409
    shown = html.fromstring(mine.text)
    assert "moira-administrator" in words(shown.cssselect("main")[0]) and "Nothing of yours was done" in words(shown)
    rows = {words(one.cssselect("th")[0]): [words(cell) for cell in one.cssselect("td")] for one in shown.cssselect("tbody tr")}
    assert rows["Topic"] == ["trees", "<i>mud</i>"] and rows["Council"][1] == "the same"
    again = {one.get("name"): one.get("value") for one in shown.cssselect("form[action$='/save'] input") if one.get("name") not in ("csrf",)}
    house.client().post(f"/item/{registration.id}/save", data={**again, "do": "accept"})
    after = house.store.registration(registration.id)
    assert after is not None and after.values_of("topic") == ("<i>mud</i>",) and after.state is RegistrationState.REGISTERED


def test_making_it_as_one_wanted_keeps_what_the_other_changed_elsewhere(house: House) -> None:
    registration = entry(house, "Callum")
    house.client(Role.ADMINISTRATOR).post(f"/item/{registration.id}/save", data=form(registration, do="save", topic=["maths"]))
    mine = house.client().post(f"/item/{registration.id}/save", data=form(registration, do="save", activity=["learning_collaborative"]))
    shown = html.fromstring(mine.text)
    rows = {words(one.cssselect("th")[0]): [words(cell) for cell in one.cssselect("td")] for one in shown.cssselect("tbody tr")}
    assert rows["Topic"] == ["maths", "the same"] and rows["Taking part as"] == ["nothing", "A learning group that wants to start research"]
    again = [(one.get("name"), one.get("value")) for one in shown.cssselect("form[action$='/save'] input") if one.get("name") != "csrf"]
    house.client().post(f"/item/{registration.id}/save", data={**dict(again), "do": "save"})
    after = house.store.registration(registration.id)
    assert after is not None and after.values_of("topic") == ("maths",) and after.values_of("activity") == ("learning_collaborative",)


def test_withdrawing_and_taking_up_again(house: House) -> None:
    registration = entry(house, "Ailsa Carrick")
    client = house.client()
    assert client.post(f"/item/{registration.id}/withdraw", data={"revision": registration.revision}).status_code == 303
    after = house.store.registration(registration.id)
    assert after is not None and after.state is RegistrationState.WITHDRAWN
    assert not page(house, f"/item/{registration.id}").cssselect("button[value=accept]")
    client.post(f"/item/{registration.id}/reopen", data={"revision": after.revision})
    assert house.store.registration(registration.id).state is RegistrationState.REVIEW  # type: ignore[union-attr]


def test_a_stale_withdrawal_does_nothing(house: House) -> None:
    registration = entry(house, "Ailsa Carrick")
    house.client().post(f"/item/{registration.id}/save", data=form(registration, do="save", topic=["other"]))
    answer = house.client().post(f"/item/{registration.id}/withdraw", data={"revision": registration.revision})
    assert answer.status_code == 409
    assert house.store.registration(registration.id).state is RegistrationState.REGISTERED  # type: ignore[union-attr]


def test_an_entry_that_waits_itself_is_accepted_or_set_aside_and_never_passed_over(house: House) -> None:
    assert not page(house, f"/item/{entry(house, 'Morag Finlayson').id}").cssselect("form[action$='/settle']")


def test_dealt_with_leaves_the_entry_as_it_is(house: House) -> None:
    registration = entry(house, "Ailsa Carrick")
    content = (house.store.message(registration.messages[0]).content or b"").partition(b"\r\n\r\n")[0]  # type: ignore[union-attr]
    follow = email.message.EmailMessage()
    follow["From"], follow["Subject"], follow["Message-ID"] = f"{registration.member_name} <{registration.member_address}>", "A question", "<q@example.com>"
    follow["In-Reply-To"] = str(email.message_from_bytes(content)["Message-ID"])
    follow.set_content("Is there cover for the training? And may my colleague come along?")
    house.deliver("follow", follow.as_bytes())
    house.poll()
    shown = page(house, f"/item/{registration.id}")
    assert shown.cssselect("form[action$='/settle'] button[data-key=d]")
    house.client().post(f"/item/{registration.id}/settle", data={"revision": house.store.registration(registration.id).revision})  # type: ignore[union-attr]
    assert {one.state for one in house.store.messages_of(registration.id)} == {MessageState.REGISTERED}
    assert house.store.registration(registration.id).values == registration.values  # type: ignore[union-attr]


def test_not_ours_takes_message_and_entry_off(house: House) -> None:
    registration = entry(house, "Linda Moffat")
    house.client().post(f"/item/{registration.id}/dismiss", data={"why": "not_ours", "revision": registration.revision})
    assert house.store.registration(registration.id).state is RegistrationState.DISMISSED  # type: ignore[union-attr]
    assert {one.state for one in house.store.messages_of(registration.id)} == {MessageState.IGNORED}
    assert house.client().post(f"/item/{registration.id}/dismiss", data={"why": "boredom", "revision": 1}).status_code == 400


def test_setting_aside_what_somebody_changed_meanwhile_is_refused(house: House) -> None:
    registration = entry(house, "Linda Moffat")
    house.client(Role.ADMINISTRATOR).post(f"/item/{registration.id}/save", data=form(registration, do="save", topic=["trees"]))
    answer = house.client().post(f"/item/{registration.id}/dismiss", data={"why": "spam", "revision": registration.revision})
    assert answer.status_code == 409
    assert house.store.registration(registration.id).state is registration.state  # type: ignore[union-attr]


def test_what_a_colleague_has_put_right_since_is_not_dismissed_unseen(house: House) -> None:
    registration = next(iter(house.store.registrations([RegistrationState.REVIEW])))
    house.office.correct(registration.id, registration.revision, {"topic": ["numeracy"]}, who="ewan")
    stale = {"why": "spam", "revision": str(registration.revision)}
    assert house.client().post(f"/item/{registration.id}/dismiss", data=stale).status_code == 409
    after = house.store.registration(registration.id)
    assert after is not None
    assert after.state is not RegistrationState.DISMISSED
    house.client().post(f"/item/{registration.id}/dismiss", data={**stale, "revision": str(after.revision)})
    after = house.store.registration(registration.id)
    assert after is not None
    assert after.state is RegistrationState.DISMISSED


def unregistered(house: House, subject: str) -> int:
    return next(one.id for one in house.store.messages(limit=100) if one.subject == subject)


def test_a_message_without_an_entry_is_put_on_the_register(house: House) -> None:
    number = unregistered(house, "A question before I sign up")
    shown = page(house, f"/message/{number}")
    assert "Not on the register" in words(shown) and shown.cssselect("button[data-key=d]")
    data = {"institution": ["Borders College"], "activity": ["learning_collaborative"], "do": "enter"}
    assert house.client().post(f"/message/{number}/enter", data=data).status_code == 303
    [made] = house.store.message(number).registrations  # type: ignore[union-attr]
    assert made.state is RegistrationState.REGISTERED and made.values_of("institution") == ("Borders College",)
    assert house.client().get(f"/message/{number}").headers["location"].startswith(f"/item/{made.id}")


def test_entering_nothing_says_what_is_needed(house: House) -> None:
    number = unregistered(house, "A question before I sign up")
    answer = house.client().post(f"/message/{number}/enter", data={"do": "enter", "topic": "typed"} | {"topic": ""})
    assert answer.status_code == 422 and html.fromstring(answer.text).cssselect("[role=alert]")


@pytest.mark.parametrize(
    ("deed", "data", "state"), [("settle", {}, "registered"), ("dismiss", {"why": "spam", "touched": "0"}, "ignored"), ("read-again", {}, "waiting")]
)
def test_a_message_is_set_aside(house: House, deed: str, data: dict[str, str], state: str) -> None:
    number = unregistered(house, "Withdrawing")
    answer = house.client().post(f"/message/{number}/{deed}", data=data)
    assert answer.status_code == 303 and house.store.message(number).message.state == state  # type: ignore[union-attr]


def test_the_walk_through_the_queue_meets_each_once_and_ends_there(house: House) -> None:
    client, seen = house.client(), []
    where = client.get("/next").headers["location"]
    while where != "/queue":
        assert client.get(where).status_code in (200, 303)
        seen.append(where.partition("?")[0])
        path, _, at = where.partition("?at=")
        entry = house.store.registration(path.rpartition("/")[2])
        answer = client.post(f"{path}/settle", data={"at": at, "revision": entry.revision if entry is not None else ""})
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert len(seen) < 60
        if path.startswith("/item/") and house.store.registration(path.split("/")[2]).state is RegistrationState.REVIEW:  # type: ignore[union-attr]
            registration = house.store.registration(path.split("/")[2])
            assert registration is not None
            where = client.post(f"{path}/save", data=form(registration, do="anyway", at=at)).headers["location"]
    assert len(seen) == len(set(seen)) > 5


# --- mail


def test_asking_the_member_is_previewed_edited_and_sent(house: House) -> None:
    registration = entry(house, "Peter Osei")
    client = house.client()
    shown = html.fromstring(client.get(f"/item/{registration.id}/ask").text)
    assert [one.get("value") for one in shown.cssselect("input[name=field][checked]")] == ["activity"]
    text = shown.cssselect("textarea")[0].text_content().strip()
    assert text and text in shown.cssselect("section .mail")[0].text_content()
    preview = client.post(
        f"/item/{registration.id}/ask",
        data={"field": ["activity"], "text": "How do <you> take part, Peter?", "do": "preview", "revision": registration.revision},
    )
    assert preview.status_code == 200 and "How do <you> take part, Peter?" in html.fromstring(preview.text).cssselect("section .mail")[0].text_content()
    before = {one.id for one in house.store.replies(limit=200)}
    sent = client.post(
        f"/item/{registration.id}/ask", data={"field": ["activity"], "text": "How do <you> take part, Peter?", "do": "send", "revision": registration.revision}
    )
    assert sent.status_code == 303
    [made] = [one for one in house.store.replies(limit=200) if one.id not in before]
    assert made.state is ReplyState.DUE and made.registration_id == registration.id
    assert b"How do <you> take part, Peter?" in (house.store.reply_content(made.id) or b"")
    assert house.store.registration(registration.id).state is RegistrationState.ASK_MEMBER  # type: ignore[union-attr]


def test_a_held_answer_is_sent_from_its_entry_and_no_other_is(house: House) -> None:
    registration, other = entry(house, "Ailsa Carrick"), entry(house, "Helen Park")
    shown = page(house, f"/item/{registration.id}")
    [button] = shown.cssselect("form[action$='/release']")
    number = button.cssselect("[name=reply]")[0].get("value")
    assert house.client().post(f"/item/{other.id}/release", data={"reply": number}).status_code == 404
    assert house.store.reply(int(number)).state is ReplyState.HELD  # type: ignore[union-attr]
    assert house.client().post(f"/item/{registration.id}/release", data={"reply": number}).status_code == 303
    assert house.store.reply(int(number)).state is ReplyState.DUE  # type: ignore[union-attr]


def test_asking_for_nothing_is_said(house: House) -> None:
    registration = entry(house, "Peter Osei")
    answer = house.client().post(f"/item/{registration.id}/ask", data={"text": "x", "do": "send", "revision": registration.revision})
    assert answer.status_code == 422 and "what the member is to be asked for" in answer.text


def test_an_answer_by_hand_goes_into_the_thread_and_settles_the_message(house: House) -> None:
    number = unregistered(house, "A question before I sign up")
    client = house.client()
    shown = html.fromstring(client.get(f"/message/{number}/answer").text)
    assert shown.cssselect("#subject")[0].get("value") == "Re: A question before I sign up"
    before = {one.id for one in house.store.replies(limit=200)}
    answer = client.post(f"/message/{number}/answer", data={"subject": "Re: A question", "text": "Yes, do.\n\nMoira", "touched": "0"})
    assert answer.status_code == 303
    [made] = [one for one in house.store.replies(limit=200) if one.id not in before]
    content = (house.store.reply_content(made.id) or b"").decode()
    [identifier] = house.store.message(number).identifiers  # type: ignore[union-attr]
    assert made.state is ReplyState.DUE and f"In-Reply-To: {identifier}" in content and "Yes, do." in content and "Auto-Submitted" not in content
    assert house.store.message(number).message.state is MessageState.REGISTERED  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "subject", ["Re: x\r\nBcc: victim@example.com", "Re: x\nX-Evil: 1", "Re: x\rBcc: v@example.com", "a\x0bBcc: v@example.com", "a\u2028Bcc: v@example.com"]
)
def test_a_subject_of_two_lines_is_refused_and_no_header_gets_in(house: House, subject: str) -> None:
    number = unregistered(house, "A question before I sign up")
    before = {one.id for one in house.store.replies(limit=200)}
    answer = house.client().post(f"/message/{number}/answer", data={"subject": subject, "text": "Bcc: other@example.com\n\nhello", "touched": "0"})
    new = [one for one in house.store.replies(limit=200) if one.id not in before]
    if answer.status_code == 422:
        assert new == [] and html.fromstring(answer.text).cssselect("[role=alert]")
        assert "hello" in html.fromstring(answer.text).cssselect("textarea")[0].text_content()
    else:  # a line end that no mail system knows as one: it may stay inside the encoded subject
        message = email.message_from_bytes(house.store.reply_content(new[0].id) or b"", policy=email.policy.default)
        assert message["Bcc"] is None and message["X-Evil"] is None and set(subject) & set("\r\n") == set()


def test_who_answers_second_is_told_keeps_what_they_typed_and_may_send_it_all_the_same(house: House) -> None:
    number, client = unregistered(house, "A question before I sign up"), house.client()
    opened = html.fromstring(client.get(f"/message/{number}/answer").text).cssselect("input[name=touched]")[0].get("value")
    mine = {"subject": "Re: A question", "text": "Two pages are enough.", "touched": opened}
    house.office.answer(number, "Re: A question", "Yes, do.", who="ewan", touched=int(opened))
    before = len(house.store.replies(limit=200))
    answer = client.post(f"/message/{number}/answer", data=mine)
    shown = html.fromstring(answer.text)
    assert answer.status_code == 409 and "ewan has dealt with this message" in words(shown.cssselect("[role=alert]")[0])
    assert "Two pages are enough." in shown.cssselect("textarea")[0].text_content() and len(house.store.replies(limit=200)) == before
    mine["touched"] = shown.cssselect("input[name=touched]")[0].get("value")
    assert client.post(f"/message/{number}/answer", data=mine).status_code == 303
    assert client.post(f"/message/{number}/answer", data=mine).status_code == 409  # a second press of the same button
    assert len(house.store.replies(limit=200)) == before + 1


def test_a_message_is_not_dismissed_with_the_entry_that_a_colleague_has_just_made_of_it(house: House) -> None:
    number = unregistered(house, "A question before I sign up")
    opened = page(house, f"/message/{number}").cssselect("form[action$=dismiss] input[name=touched]")[0].get("value")
    house.office.enter(number, {"institution": ["Borders College"], "activity": ["learning_collaborative"]}, who="ewan")
    assert house.client().post(f"/message/{number}/dismiss", data={"why": "spam", "touched": opened}).status_code == 409
    [made] = house.store.message(number).registrations  # type: ignore[union-attr]
    assert made.state is RegistrationState.REGISTERED


def test_what_a_colleague_changed_since_is_not_dealt_with_unseen(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    house.office.correct(registration.id, registration.revision, {"topic": ["numeracy"]}, who="ewan", settle=False)
    before = {one.id: one.state for one in house.store.messages_of(registration.id)}
    for deed in ("settle", "read-again"):
        assert house.client().post(f"/item/{registration.id}/{deed}", data={"revision": registration.revision}).status_code == 409
    assert {one.id: one.state for one in house.store.messages_of(registration.id)} == before


def test_an_empty_answer_is_refused_with_what_was_typed(house: House) -> None:
    number = unregistered(house, "A question before I sign up")
    answer = house.client().post(f"/message/{number}/answer", data={"subject": "kept", "text": "  ", "touched": "0"})
    assert answer.status_code == 422 and html.fromstring(answer.text).cssselect("#subject")[0].get("value") == "kept"


def test_two_entries_of_one_member_are_joined(house: House) -> None:
    one, other = entry(house, "Duncan Rae"), entry(house, "Ailsa Carrick")
    client = house.client()
    found = html.fromstring(client.post(f"/item/{one.id}/merge", data={"q": "Carrick", "do": "search"}).text)
    radio = found.cssselect("input[name=into]")
    assert [item.get("value") for item in radio] == [f"{other.id}@{other.revision}"]
    assert client.post(f"/item/{one.id}/merge", data={"do": "join", "revision": one.revision}).status_code == 422
    answer = client.post(f"/item/{one.id}/merge", data={"do": "join", "into": radio[0].get("value"), "revision": one.revision})
    assert answer.headers["location"] == f"/item/{other.id}"
    after = house.store.registration(one.id)
    assert after is not None and after.state is RegistrationState.MERGED and after.merged_into == other.id
    assert other.id in [a.get("href").split("/")[-1] for a in page(house, f"/item/{one.id}").cssselect(".note a")]


def test_undo_goes_back_to_our_own_pages_only(house: House) -> None:
    registration = entry(house, "Ailsa Carrick")
    for where in ("//evil.example", "https://evil.example/", "/\\evil.example", "/\tx", "javascript:alert(1)"):
        before = house.store.registration(registration.id)
        assert before is not None
        done = house.client().post(f"/item/{registration.id}/save", data=form(before, do="save", topic=[f"topic {before.revision}"]))
        assert done.status_code == 303
        client = house.client()
        client.cookies.update(done.cookies)
        action = html.fromstring(client.get(done.headers["location"]).text).cssselect(".said form[action^='/undo/']")[0].get("action")
        assert client.post(action, data={"back": where}).headers["location"] == "/"


# --- what could not be read


def arrived(house: House, content: bytes | None, uid: int) -> int:
    now = datetime.now(UTC)
    digest = hashlib.sha256(content).hexdigest() if content is not None else ""
    size = len(content) if content is not None else 99_000_000
    arrival = Arrival(mailbox="programme", uidvalidity=7, uid=uid, internal_date=now, fetched_at=now, size=size, sha256=digest, content=content)
    house.store.add_arrivals([arrival], now)
    return max(one.id for one in house.store.messages(limit=500))


@pytest.mark.parametrize("name", ["never-closed-multipart", "binary", "empty", "no-headers", "header-injection", "nul-bytes", "two-hundred-nested-parts"])
def test_a_message_that_no_rule_could_read_is_shown_as_far_as_it_goes(house: House, name: str) -> None:
    number = arrived(house, hostile_mail()[name], 1)
    waiting = page(house, f"/message/{number}")
    assert "Not read yet" in words(waiting)
    house.store.quarantine(number, "unreadable", datetime.now(UTC), detail="ValueError: <b>x</b>")
    shown = page(house, f"/message/{number}")
    assert "Could not be read" in words(shown) and "needs a person to look at it" in words(shown.cssselect(".reasons")[0])
    assert {one.get("data-key") for one in shown.cssselect("[data-key]")} >= {"d", "e", "n"}
    assert house.client().get(f"/message/{number}/download").content == hostile_mail()[name]
    refused = house.client().post(f"/message/{number}/enter", data={"institution": "Borders College", "activity": "learning_collaborative", "do": "enter"})
    assert refused.status_code == 422 and "has not been read" in words(html.fromstring(refused.text).cssselect("[role=alert]")[0])
    assert house.client().post(f"/message/{number}/settle").status_code == 303
    assert house.store.message(number).message.state is MessageState.REGISTERED  # type: ignore[union-attr]


def test_a_message_that_was_left_in_the_mailbox_says_so(house: House) -> None:
    number = arrived(house, None, 2)
    shown = page(house, f"/message/{number}")
    assert "still in the mailbox" in words(shown) and not shown.cssselect("a[download]")
    for path in ("download", "html", "attachment/1/x"):
        assert house.client().get(f"/message/{number}/{path}").status_code == 404


def test_what_was_done_is_said_and_can_be_undone_however_much_there_is_to_say(house: House) -> None:
    """A browser drops a cookie of more than 4 kB without a word."""
    registration = entry(house, "Morag Finlayson")
    school = "Bun-sgoil " + "".join(chr(0xC0 + (7 * n) % 60) for n in range(280))
    answer = house.client().post(
        f"/item/{registration.id}/save", data=form(registration, do="save", institution=[school], topic=[school[:200], school[80:280]])
    )
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("mailroom-said=")]
    assert answer.status_code == 303 and len(cookie) < 4096
    client = house.client()
    client.cookies.update(answer.cookies)
    assert html.fromstring(client.get(answer.headers["location"]).text).cssselect(".said form[action^='/undo/']")


def test_the_next_page_says_whose_message_was_dealt_with_and_undo_opens_that_one_again(house: House) -> None:
    asked = next(one for one in house.store.messages(limit=100) if one.sender_name == "Farah Khan")
    for deed, data in (("dismiss", {"why": "not_ours"}), ("settle", {}), ("answer", {"subject": "Re: it", "text": "Yes."})):
        client = house.client()
        done = client.post(f"/message/{asked.id}/{deed}", data={"touched": house.store.message(asked.id).touched, **data})  # type: ignore[union-attr]
        client.cookies.update(done.cookies)
        said = html.fromstring(client.get(done.headers["location"]).text).cssselect(".said")[0]
        assert words(said).startswith("Farah Khan: ")
        assert done.headers["location"] != f"/message/{asked.id}"
        undo = {"item": said.cssselect("input[name=item]")[0].get("value"), "back": "/"}
        back = client.post(said.cssselect("form")[0].get("action"), data=undo)
        assert back.headers["location"] == f"/message/{asked.id}"


def test_a_message_that_was_dealt_with_is_not_called_on_the_register(house: House) -> None:
    asked = next(one for one in house.store.messages(limit=100) if one.sender_name == "Farah Khan")
    assert words(page(house, f"/message/{asked.id}").cssselect(".primary[href]")[0]).startswith("Answer by hand")
    house.client().post(f"/message/{asked.id}/settle")
    shown = page(house, f"/message/{asked.id}")
    assert words(shown.cssselect(".item-facts .badge")[0]) == "Dealt with"
    assert "On the register" not in words(shown.cssselect(".history")[0])


def test_an_entry_that_needs_a_person_still_stays_open_when_its_message_is_done(house: House) -> None:
    registration = entry(house, "Morag Finlayson")
    done = house.client().post(f"/item/{registration.id}/settle", data={"at": "review-8-1", "revision": registration.revision})
    assert done.headers["location"] == f"/item/{registration.id}?at=review-8-1"


def test_what_was_just_done_is_told_to_nobody_else_on_the_same_machine(house: House) -> None:
    registration, client = entry(house, "Linda Moffat"), house.client()
    done = client.post(f"/item/{registration.id}/dismiss", data={"why": "not_ours", "revision": registration.revision})
    kept = done.cookies["mailroom-said"]
    for role in (None, Role.VIEWER):  # logged out, or another person by now
        other = house.client(role)
        other.cookies.set("mailroom-said", kept)
        shown = html.fromstring(other.get("/login" if role is None else "/queue").text)
        assert not shown.cssselect(".said")
    client.cookies.set("mailroom-said", kept)
    assert html.fromstring(client.get("/queue").text).cssselect(".said")
