"""Logging in and its brakes, one's own account, the administrators' pages, and what is noted of looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

import store.people
from desk import looks
from desk.app import make_app
from desk.looks import gone, here, viewed
from desk.pages.people import EVENT_WORDS, browser_words
from desk.passwords import LONGEST, Passwords, checked
from desk.routing import Role, page
from desk.security import Settings
from mailroom.errors import MailroomError
from store import Store
from tests.fixtures.desk import House

PASSWORD = "three old kirk bells"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Desk:
    """A desk with a clock of its own; ``browser`` gives people at it."""

    def __init__(self, house: House) -> None:
        self.house, self.store, self.now = house, house.store, START
        self.app: Any = make_app(house.store, house.office, settings=Settings(), now=lambda: self.now)  # type: ignore[arg-type]

    def add(self, name: str = "anne", role: Role = Role.COORDINATOR, hasher: PasswordHasher | None = None) -> None:
        hashed = (hasher or CHEAP).hash(PASSWORD)
        self.store.people.add(name, shown=f"{name.title()} Smith", role=role, password=hashed, now=self.now, actor="root")

    def browser(self, client: str = "192.0.2.1", agent: str = "Firefox/1 Windows") -> TestClient:
        return TestClient(self.app, base_url="http://127.0.0.1", follow_redirects=False, client=(client, 1), headers={"User-Agent": agent})

    def logged_in(self, name: str = "anne", **where: str) -> TestClient:
        browser = self.browser(**where)
        assert log_in(browser, name).status_code == 303
        return browser

    def post(self, browser: TestClient, path: str, **fields: str) -> Any:
        token = re.findall(r'name="csrf" value="(\w+)"', browser.get("/me").text)[0]
        return browser.post(path, data={"csrf": token, **fields})


def log_in(browser: TestClient, name: str, password: str = PASSWORD) -> Any:
    token = re.findall(r'name="csrf" value="(\w+)"', browser.get("/login").text)[0]
    return browser.post("/login", data={"csrf": token, "name": name, "password": password})


@pytest.fixture
def desk(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("desk.security.Passwords", lambda: Passwords(CHEAP))  # a real hash, made quickly
    looks._written.clear()
    yield Desk(house)


# --- passwords


def test_a_hash_is_argon2id_and_never_the_same_twice() -> None:
    one, two = (Passwords().hash(PASSWORD) for _ in range(2))
    assert one != two
    parameters = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$.*", one)
    assert parameters is not None
    memory, passes, lanes = map(int, parameters.groups())
    assert (memory >= 19 * 1024, passes >= 2, lanes >= 1) == (True, True, True)
    assert Passwords().right(PASSWORD, one)
    assert not Passwords().right(PASSWORD + " ", one)


def test_an_accent_is_the_same_whatever_the_keyboard() -> None:
    assert Passwords(CHEAP).right("cafe\u0301 crowdie kelpie", Passwords(CHEAP).hash("caf\u00e9 crowdie kelpie"))


@pytest.mark.parametrize(
    "password", ["", "short", "elevenchars", "password1234", "aaaaaaaaaaaaaaaa", "anneanneanneanne", "Anne12345678", "mailroom-mailroom", "121212121212121212"]
)
def test_a_password_that_can_be_guessed_is_refused_in_words(password: str) -> None:
    with pytest.raises(MailroomError, match="password"):
        checked(password, "anne")


@pytest.mark.parametrize("password", [PASSWORD, "x4kd9s0q!mzb", "ceithir clachan mòra", "p" * 500 + PASSWORD, "ö" * 5 + "äüßéçł0"])
def test_others_are_taken_as_they_are(password: str) -> None:
    assert Passwords(CHEAP).right(checked(password, "anne"), CHEAP.hash(password))


def test_a_password_has_an_end() -> None:
    """Else a megabyte of it would keep the machine busy."""
    assert checked("abcdefghij" * (LONGEST // 10), "anne")
    with pytest.raises(MailroomError, match="at most"):
        checked("abcdefghij" * (LONGEST // 10) + "x", "anne")
    assert not Passwords(CHEAP).right("x" * 100_000, CHEAP.hash("x" * LONGEST))


def test_a_name_that_nobody_has_costs_a_whole_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, because a clock in a test would lie."""
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            verified.append(str(hash))
            return super().verify(hash, password)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(hasher)
    known = passwords.hash(PASSWORD)
    for hashed in (known, None):
        assert not passwords.right("wrong", hashed)
    assert len(verified) == 2
    assert verified[0] == known
    assert verified[1].split("$")[:4] == known.split("$")[:4]
    assert not passwords.right("nobody's", None)  # also not with the words that nobody's hash was made of


def test_a_hash_of_weaker_days_is_renewed_at_the_next_login(desk: Desk) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
    desk.add(hasher=weak)
    before = desk.store.people.find("anne")
    desk.logged_in()
    after = desk.store.people.find("anne")
    assert before is not None and before.password is not None and "m=16," in before.password
    assert after is not None and after.password is not None and "m=8," in after.password
    desk.logged_in()


# --- logging in


def test_whoever_knows_the_password_comes_in_under_their_name(desk: Desk) -> None:
    desk.add()
    browser = desk.browser()
    assert log_in(browser, " ANNE ").headers["location"] == "/"
    page = browser.get("/me").text
    assert "Anne Smith" in page
    assert "Firefox on Windows" in page
    assert "192.0.2.1" in page


@pytest.mark.parametrize(("name", "password"), [("anne", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD), ("", ""), ("anne", ""), ("a" * 5000, "b" * 5000)])
def test_a_refusal_says_the_same_whatever_was_wrong(desk: Desk, name: str, password: str) -> None:
    desk.add()
    desk.add("bob")
    desk.store.people.disable("bob", START, actor="root")
    answer = log_in(desk.browser(), name, password)
    assert answer.status_code == 401
    assert "That name and password do not belong together." in answer.text
    assert "mailroom=" not in "".join(answer.headers.get_list("set-cookie"))


def test_an_account_that_logs_in_by_the_provider_has_no_password(desk: Desk) -> None:
    desk.store.people.add("anne", shown="Anne", role=Role.VIEWER, password=None, now=START, actor="root")
    for password in ("", "None", "nobody's"):
        assert log_in(desk.browser(), "anne", password).status_code == 401


def test_what_was_typed_stays_but_for_the_password_and_is_shown_harmlessly(desk: Desk) -> None:
    answer = log_in(desk.browser(), '"><script>alert(1)</script>', "my wrong password")
    assert "my wrong password" not in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_while_there_are_no_accounts_the_page_says_how_to_make_one(desk: Desk) -> None:
    assert "mailroom desk user add NAME" in desk.browser().get("/login").text
    desk.add()
    assert "mailroom desk user add NAME" not in desk.browser().get("/login").text


# --- brakes


def test_guessing_at_an_account_is_slowed_down_and_told(desk: Desk) -> None:
    desk.add()
    stranger = desk.browser()
    statuses = [log_in(stranger, "anne", f"guess {n}").status_code for n in range(8)]
    assert statuses == [401] * 6 + [429] * 2
    answer = log_in(stranger, "anne")  # the right one, too early
    assert answer.status_code == 429
    assert "Try it again in 1 second." in answer.text
    assert answer.headers["retry-after"] == "1"
    desk.now += timedelta(seconds=1)
    assert log_in(stranger, "anne", "wrong").status_code == 401
    desk.now += timedelta(seconds=1)
    assert "2 seconds" not in log_in(stranger, "anne").text
    desk.now += timedelta(seconds=1)
    assert log_in(stranger, "anne").status_code == 303


def test_a_name_that_nobody_has_is_slowed_down_alike(desk: Desk) -> None:
    desk.add()
    for name in ("anne", "nobody"):
        assert [log_in(desk.browser(client=f"192.0.2.{n}"), name, "guess").status_code for n in range(1, 8)] == [401] * 6 + [429]


def test_a_stranger_who_guesses_for_ever_does_not_keep_the_person_out(desk: Desk) -> None:
    desk.add()
    own = desk.logged_in(client="198.51.100.7")
    desk.post(own, "/logout")
    for n in range(300):
        log_in(desk.browser(client=f"192.0.2.{n % 250}"), "anne", f"guess {n}")
        desk.now += timedelta(seconds=20)
    assert log_in(desk.browser(client="203.0.113.9"), "anne").status_code == 429  # a browser that never had her
    assert log_in(own, "anne").status_code == 303  # her own
    desk.now += timedelta(days=1, seconds=1)
    assert log_in(desk.browser(client="203.0.113.9"), "anne").status_code == 303  # nobody had to unlock it


def test_a_browser_that_knows_one_account_is_a_stranger_to_others(desk: Desk) -> None:
    desk.add()
    desk.add("bob")
    browser = desk.logged_in()
    desk.post(browser, "/logout")
    assert [log_in(browser, "bob", f"guess {n}").status_code for n in range(7)] == [401] * 6 + [429]
    forged = desk.browser(client="192.0.2.50")
    known = browser.cookies["mailroom-known"]
    forged.cookies.set("mailroom-known", ("B" if known[0] == "A" else "A") + known[1:])  # the last letter has bits that say nothing
    for n in range(10):
        log_in(forged, "anne", f"guess {n}")
    assert log_in(desk.browser(client="192.0.2.51"), "anne").status_code == 429


def test_two_browsers_that_know_an_account_do_not_slow_each_other(desk: Desk) -> None:
    desk.add()
    office, home = desk.logged_in(), desk.logged_in(client="198.51.100.7")
    for browser in (office, home):
        desk.post(browser, "/logout")
    assert [log_in(office, "anne", f"guess {n}").status_code for n in range(13)] == [401] * 11 + [429] * 2
    assert log_in(home, "anne").status_code == 303


def test_one_address_that_tries_many_accounts_is_slowed_down(desk: Desk) -> None:
    desk.add()
    statuses = [log_in(desk.browser(client="192.0.2.9"), f"name{n}", "guess").status_code for n in range(33)]
    assert statuses == [401] * 31 + [429] * 2
    assert log_in(desk.browser(client="192.0.2.9"), "anne").status_code == 429
    assert log_in(desk.browser(client="192.0.2.10"), "anne").status_code == 303


def test_an_ipv6_network_is_one_address(desk: Desk) -> None:
    for n in range(31):
        log_in(desk.browser(client=f"2001:db8:1:2::{n:x}"), f"name{n}", "guess")
    assert log_in(desk.browser(client="2001:db8:1:2:ffff::1"), "x").status_code == 429
    assert log_in(desk.browser(client="2001:db8:1:3::1"), "x").status_code == 401


def test_logging_in_well_does_not_wash_an_address_clean(desk: Desk) -> None:
    """Whoever has an account of their own could guess at others' for ever."""
    desk.add("eve")
    statuses = []
    for n in range(40):
        statuses.append(log_in(desk.browser(client="192.0.2.9"), f"name{n}", "guess").status_code)
        if n % 5 == 4:
            log_in(desk.browser(client="192.0.2.9"), "eve")
    assert statuses.count(401) == 31


def test_nothing_that_was_typed_stands_in_the_store(desk: Desk) -> None:
    log_in(desk.browser(), "hunter2 in the wrong field", "x")
    content = b"".join(path.read_bytes() for path in desk.house.folder.glob("mailroom.db*"))
    assert b"hunter2" not in content
    assert b"192.0.2.1" not in content


# --- one's own account


def test_a_session_elsewhere_is_seen_and_ended(desk: Desk) -> None:
    desk.add()
    office, home = desk.logged_in(), desk.logged_in(agent="Safari/1 iPhone", client="198.51.100.7")
    page = office.get("/me").text
    assert "Safari on an iPhone" in page
    [other] = set(re.findall(r'name="session" value="(\d+)"', page)) - set(re.findall(r'value="(\d+)"[^<]*>\s*<p>[^/]*Firefox', page))
    answer = desk.post(office, "/me/sessions", session=other)
    assert answer.status_code == 303
    assert home.get("/me").status_code == 303
    assert office.get("/me").status_code == 200


def test_nobody_ends_somebody_elses_session_there(desk: Desk) -> None:
    desk.add()
    desk.add("bob")
    anne, bob = desk.logged_in(), desk.logged_in("bob")
    for session in desk.store.people.sessions("bob", desk.now, idle=timedelta(hours=1), longest=timedelta(days=1)):
        desk.post(anne, "/me/sessions", session=str(session.id))
    for nonsense in ("", "x", "-1", "9" * 40, "1 OR 1=1"):
        assert desk.post(anne, "/me/sessions", session=nonsense).status_code == 303
    assert bob.get("/me").status_code == 200


def test_everywhere_else(desk: Desk) -> None:
    desk.add()
    others, here_ = [desk.logged_in() for _ in range(3)], desk.logged_in()
    desk.post(here_, "/me/sessions", session="others")
    assert [browser.get("/me").status_code for browser in (*others, here_)] == [303, 303, 303, 200]


def test_a_new_password_needs_the_old_one_and_logs_out_everywhere_else(desk: Desk) -> None:
    desk.add()
    office, home = desk.logged_in(), desk.logged_in()
    new = "four wet walking boots"
    for old, one, two, said in (
        ("wrong", new, new, "old password is not right"),
        (PASSWORD, new, new + "x", "two new passwords differ"),
        (PASSWORD, "short", "short", "at least 12 characters"),
        (PASSWORD, "anne anne anne", "anne anne anne", "too easy to guess"),
    ):
        answer = desk.post(office, "/me/password", old=old, new=one, again=two)
        assert answer.status_code == 422
        assert said in answer.text
        assert home.get("/me").status_code == 200
    assert desk.post(office, "/me/password", old=PASSWORD, new=new, again=new).status_code == 303
    assert (office.get("/me").status_code, home.get("/me").status_code) == (200, 303)
    assert log_in(desk.browser(), "anne").status_code == 401
    assert log_in(desk.browser(), "anne", new).status_code == 303


def test_a_session_left_open_cannot_be_used_to_guess_the_password(desk: Desk) -> None:
    desk.add()
    browser = desk.logged_in()
    said = [desk.post(browser, "/me/password", old=f"guess {n}", new="x" * 20, again="x" * 20).text for n in range(13)]
    assert "too many attempts" in said[-1]
    assert "too many attempts" not in said[5]


# --- administrators


@pytest.fixture
def admin(desk: Desk) -> TestClient:
    desk.add("morag", Role.ADMINISTRATOR)
    desk.add()
    return desk.logged_in("morag")


def test_a_role_holds_from_the_next_click(desk: Desk, admin: TestClient) -> None:
    anne = desk.logged_in()
    assert anne.get("/audit").status_code == 403
    assert desk.post(admin, "/people", person="anne", do="role", role="administrator").status_code == 303
    assert "Anne Smith is an administrator now." in admin.get("/people").text
    assert anne.get("/audit").status_code == 200
    desk.post(admin, "/people", person="anne", do="role", role="viewer")
    assert anne.get("/audit").status_code == 403


def test_disabling_ends_the_persons_sessions_at_once(desk: Desk, admin: TestClient) -> None:
    anne = desk.logged_in()
    desk.post(admin, "/people", person="anne", do="disable")
    assert anne.get("/me").status_code == 303
    assert log_in(desk.browser(), "anne").status_code == 401
    assert "Cannot log in" in admin.get("/people").text
    desk.post(admin, "/people", person="anne", do="enable")
    assert log_in(desk.browser(), "anne").status_code == 303


def test_somebody_is_logged_out_by_an_administrator(desk: Desk, admin: TestClient) -> None:
    anne = desk.logged_in()
    desk.post(admin, "/people", person="anne", do="end")
    assert anne.get("/me").status_code == 303
    assert admin.get("/me").status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"person": "morag", "do": "role", "role": "viewer"},
        {"person": "MORAG ", "do": "disable"},
        {"person": "nobody", "do": "disable"},
        {"person": "anne", "do": "role", "role": "owner"},
        {"person": "anne", "do": "delete"},
        {"person": "anne"},
        {},
    ],
    ids=str,
)
def test_what_an_administrator_cannot_do_is_told(desk: Desk, admin: TestClient, fields: dict[str, str]) -> None:
    before = [(account.name, account.role, account.disabled_at) for account in desk.store.people.all()]
    assert desk.post(admin, "/people", **fields).status_code == 422
    assert [(account.name, account.role, account.disabled_at) for account in desk.store.people.all()] == before


def test_the_audit_tells_who_did_what_to_whom(desk: Desk, admin: TestClient) -> None:
    desk.post(admin, "/people", person="anne", do="role", role="viewer")
    text = " ".join(re.sub(r"<[^>]+>", " ", admin.get("/audit").text).split())
    assert "Morag Smith Changed a role: anne (role: coordinator → viewer)" in text
    assert "Morag Smith Logged in " in text


def lines_of(answer: Any) -> list[str]:
    """The rows of the table as text, without their time."""
    rows = re.findall(r"(?s)<tr><td>(.*?)</td></tr>", answer.text)
    return [" | ".join(" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row.split("</td><td>")[1:]) for row in rows]


def test_the_audit_is_filtered_by_person_item_day_and_kind(desk: Desk, admin: TestClient) -> None:
    people = desk.store.people
    people.looked("anne", "message", START, message_id=1)
    people.looked("anne", "registration", START + timedelta(days=1), registration_id="R-AAAAAAAAAAAAAAAA")
    people.looked("morag", "reply", START + timedelta(days=2), reply_id=1)
    assert lines_of(admin.get("/audit?person=anne")) == [
        "Anne Smith | Looked at an entry | R-AAAAAAAAAAAAAAAA",
        "Anne Smith | Looked at a message | message 1",
    ]
    assert lines_of(admin.get("/audit?item=r-aaaaaaaaaaaaaaaa")) == ["Anne Smith | Looked at an entry | R-AAAAAAAAAAAAAAAA"]
    assert lines_of(admin.get("/audit?item=message 1")) == lines_of(admin.get("/audit?item=1")) == ["Anne Smith | Looked at a message | message 1"]
    assert lines_of(admin.get("/audit?item=reply 1")) == ["Morag Smith | Looked at an answer | reply 1"]
    assert len(lines_of(admin.get("/audit?from=2026-01-06&to=2026-01-06"))) == 1
    assert all("Looked" not in line for line in lines_of(admin.get("/audit?kind=changes")))
    assert "An item is" in admin.get("/audit?item=x").text
    for date in ("2026-13-01", "x", "9999-12-31"):
        answer = admin.get(f"/audit?to={date}")
        assert answer.status_code == 200
        assert "A date is written" in answer.text
    assert len(lines_of(admin.get("/audit?before=zzz"))) > 3


def test_a_long_audit_is_paged_without_gap_or_repeat(desk: Desk, admin: TestClient) -> None:
    for n in range(250):
        desk.store.people.looked("anne", "register", START, detail={"page": n})
    seen: list[str] = []
    where = "/audit?person=anne"
    while where:
        answer = admin.get(where)
        seen += [line.split("page: ")[1].split(")")[0] for line in lines_of(answer)]
        found = re.findall(r'href="(/audit\?[^"]*before=\d+)"', answer.text)
        where = found[0].replace("&amp;", "&") if found else ""
    assert seen == [str(n) for n in reversed(range(250))]


def test_looking_at_the_audit_is_noted_too(desk: Desk, admin: TestClient) -> None:
    admin.get("/audit?person=anne")
    [line] = desk.store.people.audit(looks=True)
    assert (line.actor, line.after) == ("morag", {"what": "audit", "person": "anne"})


def test_a_name_that_is_mark_up_is_shown_as_text(desk: Desk, admin: TestClient) -> None:
    desk.store.people.set_shown("anne", "<script>alert(1)</script>", START, actor="root")
    desk.logged_in(agent="<script>alert(2)</script>Firefox/")
    for path in ("/people", "/audit"):
        text = admin.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_every_event_that_a_person_can_cause_has_words() -> None:
    """Taken from the store's own source, so that a new one is met."""
    folder = Path(store.people.__file__).parent
    written: set[str] = set()
    for file in folder.glob("*.py"):
        source = file.read_text(encoding="utf-8")
        written |= set(re.findall(r'(?:entry|_note|_change|noted)\(\s*(?:connection, (?:name, )?|name, )?"([a-z]+\.[a-z_]+)"', source))
    assert {"account.role", "desk.signed_in", "registration.corrected", "message.settled"} <= written
    assert written <= set(EVENT_WORDS)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1", "Safari on an iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8", "A browser"),
        ("", "A browser"),
    ],
)
def test_browsers_are_told_apart_in_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words


# --- looks, and who is here


@pytest.fixture
def pages(desk: Desk) -> Desk:
    """The desk with a page that notes looks, as the pages about members do."""

    def look(request: Request) -> PlainTextResponse:
        what, _, number = request.path_params["item"].partition("-")
        viewed(request, what, number or None)
        return PlainTextResponse(", ".join(other.shown for other in here(request, request.path_params["item"])))

    def leave(request: Request) -> PlainTextResponse:
        gone(request, request.path_params["item"])
        return PlainTextResponse("")

    desk.app.router.routes += [page("/x/{item}", look, role=Role.VIEWER, name="x"), page("/y/{item}", leave, role=Role.VIEWER, name="y")]
    desk.add()
    desk.add("bob")
    return desk


def test_a_look_is_noted_with_its_item_and_not_at_each_click(pages: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    anne = pages.logged_in()
    for path in ("/x/message-1", "/x/message-1", "/x/registration-R", "/x/reply-7", "/x/register"):
        anne.get(path)
    looks._written.clear()  # as a second process, or after a restart
    anne.get("/x/message-1")
    lines = pages.store.people.audit(looks=True)
    assert [(line.message_id, line.registration_id, line.reply_id, line.after) for line in reversed(lines)] == [
        (1, None, None, {"what": "message"}),
        (None, "R", None, {"what": "registration"}),
        (None, None, 7, {"what": "reply"}),
        (None, None, None, {"what": "register"}),
    ]
    asked: list[str] = []
    looked = type(pages.store.people).looked
    monkeypatch.setattr("store.people.People.looked", lambda *given, **more: asked.append("asked") or looked(*given, **more))
    anne.get("/x/message-1")
    assert asked == []  # the store is not even asked
    pages.now += timedelta(minutes=10)
    anne.get("/x/message-1")
    assert asked == ["asked"]
    assert len(pages.store.people.audit(looks=True)) == 5


def test_a_page_left_open_says_so_and_not_every_ten_minutes(pages: Desk) -> None:
    anne = pages.logged_in()
    for _ in range(50):
        anne.get("/x/queue", headers={"X-Desk": "live"})
        pages.now += timedelta(minutes=1)
    [line] = pages.store.people.audit(looks=True)
    assert line.after == {"what": "queue", "page": "left open"}
    anne.get("/x/queue")
    assert len(pages.store.people.audit(looks=True)) == 2


def test_two_who_have_an_item_open_see_each_other(pages: Desk) -> None:
    anne, bob = pages.logged_in(), pages.logged_in("bob")
    assert anne.get("/x/registration-R").text == ""
    assert bob.get("/x/registration-R").text == "Anne Smith"
    assert anne.get("/x/registration-R").text == "Bob Smith"
    assert bob.get("/x/registration-Q").text == ""
    bob.get("/y/registration-R")
    assert anne.get("/x/registration-R").text == ""
    bob.get("/x/registration-R")
    pages.now += timedelta(minutes=3)
    assert anne.get("/x/registration-R").text == ""


def test_the_store_is_asked_for_each_request_and_not_a_copy(pages: Desk) -> None:
    """A second process disables the account: the first one knows at once."""
    anne = pages.logged_in()
    with Store(pages.house.config.store.url) as other:
        other.people.disable("anne", pages.now, actor="root")
    assert anne.get("/me").status_code == 303
