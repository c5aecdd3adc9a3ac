"""What holds for every route there is, taken from the router itself, and what an answer to anybody carries.

A page that is added later is met by these tests without a line being written for it.
"""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from desk import looks
from desk.app import make_app
from desk.attachments import parts
from desk.pages import ROUTES
from desk.passwords import Passwords
from desk.routing import Page, Role, guarded_only
from desk.security import CSP, LARGEST_FORM, Security, Settings, digest, own_path
from mailroom.config import load_config
from mailroom.office import HouseOffice
from mailroom.officework.knowledge import Knowledge
from notify.links import look_token
from store import Store
from tests.fixtures.desk import House

HTTPS = "https://mailroom.union.example"


def address(route: Page) -> str:
    """An address that the route takes: numbers where it wants numbers."""
    return re.sub(r"\{(\w+)(?::(\w+))?\}", lambda match: "1" if match[2] in ("int", "float") else "R-AAAAAAAAAAAAAAAA", route.path)


def named(route: Page, method: str) -> str:
    return f"{method} {route.path}"


METHODS = [(route, method) for route in ROUTES for method in sorted(route.methods or ()) if method != "HEAD"]
POSTS = [route for route, method in METHODS if method == "POST"]
GETS = [route for route, method in METHODS if method == "GET"]


def changes(store: Store) -> int:
    """How many lines the history has by persons; looks apart."""
    return len(store.people.audit(looks=False, limit=10_000))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, demo_house_template: Path, demo_knowledge: Knowledge) -> Iterator[House]:
    """One house for all that is refused: nothing is changed in it, which is just what is tested."""
    folder = tmp_path_factory.mktemp("closed") / "house"
    shutil.copytree(demo_house_template, folder)
    config = load_config(folder / "config.yaml")
    with Store(config.store.url) as store:
        yield House(folder=folder, config=config, store=store, office=HouseOffice(config, store, knowledge=demo_knowledge))


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real ones, made quickly: what they have to cost is asked in test_people.py."""
    monkeypatch.setattr("desk.security.Passwords", lambda: Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))


# --- every route


def test_there_are_routes_of_each_kind() -> None:
    """The tests below would hold of an empty list."""
    assert {route.role for route in ROUTES} >= {None, Role.VIEWER, Role.ADMINISTRATOR}
    assert len(POSTS) >= 4
    assert len(GETS) >= 5


def test_routes_change_nothing_by_other_methods() -> None:
    assert {method for _, method in METHODS} <= {"GET", "POST"}


def test_what_is_open_to_everybody_is_little_and_known() -> None:
    """A new page for everybody has to be written down here, after a thought."""
    assert {route.path for route in ROUTES if route.role is None} <= {"/login", "/login/provider", "/login/done", "/look/{token}"}


def test_an_application_with_a_route_that_states_no_role_does_not_start() -> None:
    def open_to_all(request: Request) -> PlainTextResponse:
        return PlainTextResponse("members")

    for stranger in (Route("/members", open_to_all), Mount("/api", routes=[Route("/members", open_to_all)])):
        with pytest.raises(ValueError, match="states no role"):
            guarded_only([*ROUTES, stranger])


@pytest.mark.parametrize(("route", "method"), METHODS, ids=[named(*one) for one in METHODS])
def test_nobody_gets_in_without_logging_in(closed: House, route: Page, method: str) -> None:
    client = closed.client(None)
    before = changes(closed.store)
    answer = client.get(address(route)) if method == "GET" else client.post(address(route))
    if route.role is None:
        assert answer.status_code in (200, 303, 403, 404)  # its own tests say which
    elif method == "GET":
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    else:
        assert answer.status_code == 401
    assert changes(closed.store) == before


@pytest.mark.parametrize(("route", "method"), METHODS, ids=[named(*one) for one in METHODS])
def test_too_little_of_a_role_is_refused_on_every_route(closed: House, route: Page, method: str) -> None:
    for role in Role:
        if route.role is None or role.may(route.role):
            continue
        client = closed.client(role)
        before = changes(closed.store)
        answer = client.get(address(route)) if method == "GET" else client.post(address(route))
        assert answer.status_code == 403, role
        assert "This needs another role" in answer.text
        assert changes(closed.store) == before


@pytest.mark.parametrize("route", POSTS, ids=[named(route, "POST") for route in POSTS])
def test_a_form_without_its_token_does_nothing_on_every_route(closed: House, route: Page) -> None:
    role = route.role or Role.COORDINATOR
    client = closed.client(role)
    another = closed.form_token(next(other for other in Role if other is not role))
    stranger = closed.client(None)
    of_login = re.findall(r'name="csrf" value="(\w+)"', stranger.get("/login").text)[0]
    if route.role is not None:  # also with the cookie that it goes with: a form from before the login is none of the session's
        client.cookies.set("mailroom-form", stranger.cookies["mailroom-form"])
    before = changes(closed.store)
    for token in (None, "", "0" * 64, "é", another, of_login, client.form_token[:-1]):
        answer = TestClient.post(client, address(route), data={} if token is None else {"csrf": token})
        assert answer.status_code == 403, token
        assert "form was made for another visit" in answer.text
    assert changes(closed.store) == before


ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:81"},
    {"Origin": "https://127.0.0.1"},
    {"Origin": ""},
)


@pytest.mark.parametrize("route", POSTS, ids=[named(route, "POST") for route in POSTS])
def test_a_form_from_another_site_does_nothing_even_with_its_token(closed: House, route: Page) -> None:
    client = closed.client(route.role or Role.COORDINATOR)
    before = changes(closed.store)
    for headers in ELSEWHERE:
        answer = client.post(address(route), headers=headers)
        assert answer.status_code == 403, headers
        assert "came from another site" in answer.text
    assert changes(closed.store) == before


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://127.0.0.1"}, {"Origin": "null"}], ids=str)
def test_a_form_of_our_own_is_taken(house: House, headers: dict[str, str]) -> None:
    answer = house.client().post("/me/sessions", data={"session": "others"}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")


@pytest.mark.parametrize("route", GETS, ids=[named(route, "GET") for route in GETS])
def test_no_answer_is_kept_framed_or_lets_a_stranger_run_something(closed: House, route: Page) -> None:
    for role in (None, Role.ADMINISTRATOR):
        answer = closed.client(role).get(address(route))
        check_headers(answer.headers)


def check_headers(headers: Any) -> None:
    """A page's own policy may stand for ours only where it lets nothing run: a member's HTML, an attachment."""
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    if policy != CSP:
        assert "default-src 'none'" in policy
        assert re.search(r"\bsandbox(?:;|$| allow-popups)", policy)  # no allow-scripts, no allow-same-origin
        assert "script-src" not in policy
    framed = re.search(r"frame-ancestors ('none'|'self')(?:;|$)", policy)
    assert framed is not None
    assert headers["x-frame-options"] == {"'none'": "DENY", "'self'": "SAMEORIGIN"}[framed[1]]
    assert framed[1] == "'none'" or policy != CSP
    assert "unsafe" not in re.sub(r"style-src[^;]*", "", policy)


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere.css", "/../../etc/passwd", "/static/../security.py", "/static/%2e%2e/security.py"])
def test_errors_carry_the_same_headers_and_tell_nothing(closed: House, path: str) -> None:
    for role in (None, Role.COORDINATOR):
        answer = closed.client(role).get(path)
        assert answer.status_code == 404
        check_headers(answer.headers)


def test_a_fault_of_ours_is_told_without_a_trace_and_with_the_headers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise RuntimeError("anne@example.com")

    monkeypatch.setattr("store.people.People.all", broken)
    client = TestClient(house.app(Role.ADMINISTRATOR), base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get("/people")
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    assert "anne@example.com" not in answer.text
    check_headers(answer.headers)


def test_our_pages_have_no_script_or_style_of_their_own(closed: House) -> None:
    """The policy would stop it, and the page would be the poorer."""
    for route in GETS:
        answer = closed.client(Role.ADMINISTRATOR).get(address(route))
        if answer.headers.get("content-type", "").startswith("text/html") and answer.headers["content-security-policy"] == CSP:
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", answer.text), route.path
            assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.text), route.path


def test_every_form_that_changes_something_has_its_token(closed: House) -> None:
    client = closed.client(Role.ADMINISTRATOR)
    for route in GETS:
        answer = client.get(address(route))
        for form in re.findall(r"(?s)<form[^>]*method=[\"']?post.*?</form>", answer.text):
            assert f'name="csrf" value="{client.form_token}"' in form, route.path


# --- our own name


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "127.0.0.1:80:80", "localhost/x", "[::1"])
def test_a_strangers_name_is_not_answered(closed: House, host: str) -> None:
    answer = closed.client().get("/me", headers={"Host": host})
    assert answer.status_code == 400
    assert "Moira" not in answer.text
    check_headers(answer.headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8025", "[::1]:8025", "LOCALHOST", "localhost."])
def test_this_machines_own_names_are_answered(closed: House, host: str) -> None:
    assert closed.client().get("/me", headers={"Host": host}).status_code == 200


def app_of(house: House, **settings: Any) -> Starlette:
    return make_app(house.store, house.office, settings=Settings(**settings))  # type: ignore[arg-type]


def test_the_name_of_its_web_address_and_of_host_are_answered(closed: House) -> None:
    app = app_of(closed, url=f"{HTTPS}/", hosts=frozenset({"10.0.0.7"}))
    for host, status in (("mailroom.union.example", 200), ("10.0.0.7:8025", 200), ("union.example", 400), ("10.0.0.8", 400)):
        assert TestClient(app, base_url=f"http://{host}").get("/login").status_code == status


# --- cookies


def cookies_of(answer: Any) -> dict[str, str]:
    """Each cookie that an answer sets, with all that it says of it."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


def log_in(client: TestClient, name: str, password: str, **fields: str) -> Any:
    page = client.get("/login")
    token = re.findall(r'name="csrf" value="(\w+)"', page.text)
    return client.post("/login", data={"csrf": token[0] if token else "", "name": name, "password": password, **fields}, follow_redirects=False)


PASSWORD = "three old kirk bells"


@pytest.fixture
def anne(house: House) -> House:
    """A house with an account that has a password."""
    hashed = Security(app_of(house), house.store, Settings(), lambda: datetime.now(UTC)).passwords.hash(PASSWORD)
    house.store.people.add("anne", shown="Anne Smith", role=Role.COORDINATOR, password=hashed, now=datetime.now(UTC), actor="root")
    return house


def browser(house: House, base: str = "http://127.0.0.1", client: tuple[str, int] = ("192.0.2.1", 50_000), **settings: Any) -> TestClient:
    return TestClient(app_of(house, **settings), base_url=base, follow_redirects=False, client=client)


def test_on_this_machine_the_cookie_is_not_for_scripts_nor_for_other_sites_forms(anne: House) -> None:
    answer = log_in(browser(anne), "anne", PASSWORD)
    assert answer.status_code == 303
    for name, line in cookies_of(answer).items():
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; ")), name
        assert "Domain" not in line
    assert "Max-Age" not in cookies_of(answer)["mailroom"]  # it ends with the browser, too


@pytest.mark.parametrize("base", [HTTPS, "http://mailroom.union.example"])  # there a web server before us has the certificate
def test_over_https_it_is_bound_to_the_host_and_to_encryption(anne: House, base: str) -> None:
    client = browser(anne, base=base, url=HTTPS)
    page = client.get("/login")
    assert "max-age=" in page.headers["strict-transport-security"]
    token = re.findall(r'name="csrf" value="(\w+)"', page.text)[0]
    jar = "; ".join(line.partition(";")[0] for line in page.headers.get_list("set-cookie"))
    answer = client.post("/login", data={"csrf": token, "name": "anne", "password": PASSWORD}, headers={"Cookie": jar, "Origin": HTTPS})
    assert answer.status_code == 303
    assert cookies_of(answer)
    for name, line in cookies_of(answer).items():
        assert name.startswith("__Host-")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; ")), name


def test_over_https_the_cookie_of_plain_http_opens_nothing(closed: House) -> None:
    """Somebody on the line could have set it."""
    token = closed.session(Role.COORDINATOR)
    client = TestClient(app_of(closed, url=HTTPS), base_url=HTTPS, follow_redirects=False)
    assert client.get("/me", headers={"Cookie": f"mailroom={token}"}).status_code == 303
    assert client.get("/me", headers={"Cookie": f"__Host-mailroom={token}"}).status_code == 200


def test_plain_http_says_nothing_of_https(closed: House) -> None:
    assert "strict-transport-security" not in closed.client().get("/me").headers


# --- fixation, and the end of a session


def test_a_token_from_outside_never_becomes_a_session(anne: House) -> None:
    """Session fixation: a thief gives a browser a token, and waits for its person to log in."""
    client = browser(anne)
    planted = "A" * 43
    client.cookies.set("mailroom", planted)
    answer = log_in(client, "anne", PASSWORD)
    assert answer.status_code == 303
    given = cookies_of(answer)["mailroom"].partition("=")[2].partition(";")[0]
    assert given != planted
    thief = browser(anne)
    thief.cookies.set("mailroom", planted)
    assert thief.get("/me").status_code == 303


def test_logging_in_again_ends_what_the_browser_had_before(anne: House) -> None:
    client = browser(anne)
    log_in(client, "anne", PASSWORD)
    first = client.cookies["mailroom"]
    token = re.findall(r'name="csrf" value="(\w+)"', client.get("/me").text)[0]
    answer = client.post("/login", data={"csrf": token, "name": "anne", "password": PASSWORD})
    assert answer.status_code == 303
    assert client.cookies["mailroom"] != first
    old = browser(anne)
    old.cookies.set("mailroom", first)
    assert old.get("/me").status_code == 303


def test_the_store_has_no_token_that_opens_a_session(anne: House) -> None:
    client = browser(anne)
    log_in(client, "anne", PASSWORD)
    token = client.cookies["mailroom"]
    content = b"".join(path.read_bytes() for path in anne.folder.glob("mailroom.db*"))
    assert token.encode() not in content
    assert digest(token).encode() in content
    assert PASSWORD.encode() not in content


def test_logging_out_ends_the_session_and_not_only_the_cookie(anne: House) -> None:
    client = browser(anne)
    log_in(client, "anne", PASSWORD)
    token = client.cookies["mailroom"]
    form = re.findall(r'name="csrf" value="(\w+)"', client.get("/me").text)[0]
    answer = client.post("/logout", data={"csrf": form})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "mailroom" not in client.cookies
    client.cookies.set("mailroom", token)
    assert client.get("/me").status_code == 303


def test_a_session_ends_by_the_clock(anne: House) -> None:
    moment = [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    app = make_app(anne.store, anne.office, settings=Settings(idle=timedelta(hours=1), longest=timedelta(hours=3)), now=lambda: moment[0])  # type: ignore[arg-type]
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    log_in(client, "anne", PASSWORD)
    states = []
    for minutes in (0, 50, 50, 50, 29, 2):
        moment[0] += timedelta(minutes=minutes)
        states.append(client.get("/me").status_code)
    assert states == [200, 200, 200, 200, 200, 303]  # 181 minutes after the login, however busy
    log_in(client, "anne", PASSWORD)
    moment[0] += timedelta(minutes=61)
    assert client.get("/me").status_code == 303


def test_a_page_left_open_keeps_nobody_logged_in(anne: House) -> None:
    """It asks for news by itself, all night."""
    moment = [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    app = make_app(anne.store, anne.office, settings=Settings(idle=timedelta(hours=1)), now=lambda: moment[0])  # type: ignore[arg-type]
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    log_in(client, "anne", PASSWORD)
    states = []
    for _ in range(7):
        moment[0] += timedelta(minutes=10)
        states.append(client.get("/today/needs", headers={"X-Desk": "live"}).status_code)
    assert states == [200] * 5 + [303] * 2


# --- where a login leads


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/x\r\nSet-Cookie: mailroom=1",
        "/é",
        "/" + "x" * 3000,
        "/login",
        "/logout?x=1",
        "",
    ],
)
def test_logging_in_leads_to_no_strangers_page(wanted: str) -> None:
    assert own_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_not_by_the_form_nor_by_the_page_of_who_is_logged_in(anne: House, wanted: str) -> None:
    client = browser(anne)
    answer = log_in(client, "anne", PASSWORD, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    again = client.get("/login", params={"next": wanted})
    assert (again.status_code, again.headers["location"]) == (303, "/")


@pytest.mark.parametrize("wanted", ["/", "/register?council=Fife&q=a+b%20c", "/item/R-AAAAAAAAAAAAAAAA#history", "/audit?from=2022-01-01", "/loginx"])
def test_logging_in_leads_back_to_where_one_wanted_to_go(wanted: str) -> None:
    assert own_path(wanted) == wanted


def test_the_form_takes_one_there(anne: House) -> None:
    assert log_in(browser(anne), "anne", PASSWORD, next="/audit?q=a+b%20c").headers["location"] == "/audit?q=a+b%20c"


def test_who_is_sent_to_log_in_comes_back(anne: House) -> None:
    client = browser(anne)
    there = client.get("/me?x=a%20b&y=1").headers["location"]
    page = client.get(there)
    assert 'name="next" value="/me?x=a%20b&amp;y=1"' in page.text


@pytest.mark.parametrize("path", ["/me/", "//evil.example/", "//evil.example/me", "/me//", "/./me", "/%2fevil.example/"])
def test_an_address_is_not_mended_into_another(closed: House, path: str) -> None:
    answer = closed.client().get(f"http://127.0.0.1{path}")
    assert answer.status_code == 404 or (answer.status_code == 200 and path == "/./me")  # the client itself takes «/.» away
    assert "location" not in answer.headers


# --- when the store is away


def test_nobody_is_recognised_without_the_store_and_it_is_told(house: House) -> None:
    client = house.client()
    assert client.get("/me").status_code == 200
    house.store.close()
    for file in house.folder.glob("mailroom.db*"):
        file.rename(file.with_name(f"away-{file.name}"))
    answer = client.get("/me")
    assert answer.status_code == 503
    assert "cannot be reached at this moment" in answer.text
    assert str(house.folder) not in answer.text
    check_headers(answer.headers)


# --- size


def test_a_form_is_bounded(closed: House) -> None:
    answer = closed.client().post("/me/sessions", data={"session": "x" * (LARGEST_FORM + 1)})
    assert answer.status_code == 413
    check_headers(answer.headers)


def test_what_is_public_and_not_a_page_is_static(closed: House) -> None:
    app: Any = make_app(closed.store, closed.office)  # type: ignore[arg-type]
    mounts: list[BaseRoute] = [route for route in app.routes if not isinstance(route, Page)]
    assert [route.path for route in mounts if isinstance(route, Mount)] == ["/static"]
    assert len(mounts) == 1
    answer = closed.client(None).get("/static/desk.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["x-content-type-options"] == "nosniff"


# --- whoever shows something of a member says so in the history

SHOWS_NO_MEMBER = {
    "/login",
    "/login/provider",
    "/login/done",
    "/me",
    "/people",  # colleagues
    "/item/{id}/here",
    "/message/{number:int}/here",
    "/picture",  # counts
    "/picture/{name}.svg",
    "/picture/{name}.png",
    "/today/needs",
    "/today/mail",
    "/places",  # schools
    "/register/schools",
    "/register/new",  # an empty form
    "/register/views",  # what colleagues called their filters
    "/replies/texts/versions",  # templates
    "/next",  # leads on to an item
}


@pytest.mark.parametrize("route", GETS, ids=[named(route, "GET") for route in GETS])
def test_every_look_at_a_member_is_in_the_history(house: House, route: Page) -> None:
    """With ids of what there is, so that each page has something to show."""
    store = house.store
    registration, reply = next(iter(store.registrations())), store.replies()[0]
    records = (record for record in map(store.message, [one.id for one in store.messages()]) if record is not None)  # as far as they are looked at
    if "attachment" in route.path:
        number, index = next((one.message.id, part.index) for one in records for part in parts(one.content or b""))
    elif "html" in route.path:
        number, index = next(one.message.id for one in records if b"text/html" in (one.content or b"")), 0
    else:
        number, index = next(one.message.id for one in records if not one.registrations), 0
    token = look_token(store.secret(), registration.id, until=datetime.now(UTC) + timedelta(days=1))
    values = {"id": registration.id, "number": number, "reply_id": reply.id, "index": index, "filename": "x", "name": "weeks", "token": token}
    where = re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: str(values[match[1]]), route.path)
    looks._written.clear()
    answer = house.client(Role.ADMINISTRATOR).get(where)
    noted = store.people.audit(person="moira-administrator", since=datetime.now(UTC) - timedelta(minutes=5))
    told = [line.event for line in noted if line.event in ("viewed", "register.exported")]
    if route.path in SHOWS_NO_MEMBER:
        said = html.unescape(answer.text)
        assert not any(one.member_address in said or (" " in one.member_name and one.member_name in said) for one in store.registrations())
    else:
        assert answer.status_code in (200, 422), where
        assert len(told) == 1
