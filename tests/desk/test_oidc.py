"""Logging in by a provider: the whole round over HTTP, and each thing about its answer that must not be believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from desk.app import make_app
from desk.oidc import Provider
from desk.routing import Role
from desk.security import Settings
from mailroom.checks import run_checks
from mailroom.config import load_config
from mailroom.desk_settings import settings_of
from mailroom.errors import Misconfigured
from tests.fixtures.desk import CONFIG, House
from tests.fixtures.openid_provider import CLIENT, SECRET, OpenIdProvider

ALLOWED = {"anne@union.example": Role.COORDINATOR}
UNUSABLE = "answer could not be used"
STRANGER = "no account here goes with it"


@pytest.fixture
def desk(house: House, openid_provider: OpenIdProvider) -> Callable[..., TestClient]:
    """A browser at a desk with that provider; the same desk (process) for each call."""
    apps: dict[str, Any] = {}

    def open_browser(kind: str = "other", allowed: dict[str, Role] | None = None, *, now: Callable[[], datetime] | None = None) -> TestClient:
        provider = Provider(kind, issuer=openid_provider.url, client_id=CLIENT, secret=lambda: SECRET, allowed=ALLOWED if allowed is None else allowed)
        app = apps.setdefault(
            f"{kind}{allowed}{now}",
            make_app(house.store, house.office, settings=Settings(provider=provider), now=now or (lambda: datetime.now(UTC))),  # type: ignore[arg-type]
        )
        return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)

    return open_browser


def answer_of(client: TestClient, start: str = "/login/provider") -> str:
    """Off to the provider and back: the address on our side that it sends the browser to."""
    there = client.get(start)
    assert there.status_code == 303
    back = httpx2.get(there.headers["location"], follow_redirects=False)
    parts = urlsplit(back.headers["location"])
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1", "/login/done")
    return f"{parts.path}?{parts.query}"


def log_in(client: TestClient) -> Any:
    return client.get(answer_of(client))


def refused(answer: Any, words: str) -> bool:
    return answer.status_code == 401 and words in answer.text and "mailroom=" not in "".join(answer.headers.get_list("set-cookie"))


# --- who comes in


def test_an_address_that_is_allowed_gets_an_account_and_a_session(desk: Callable[..., TestClient], house: House) -> None:
    client = desk()
    assert "Log in with your organisation" in client.get("/login").text
    answer = client.get(answer_of(client, "/login/provider?next=/me%3Fx%3D1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/me?x=1")
    assert "Anne Smith" in client.get("/me").text
    account = house.store.people.find("anne@union.example")
    assert account is not None
    assert (account.role, account.password, account.by_provider) == (Role.COORDINATOR, None, True)


def test_an_account_made_by_hand_with_that_address_is_met(desk: Callable[..., TestClient], house: House) -> None:
    house.store.people.add("anne", shown="Anne S", role=Role.ADMINISTRATOR, password=None, now=datetime.now(UTC), actor="root", email="anne@union.example")
    client = desk(allowed={})
    assert log_in(client).status_code == 303
    assert "Anne S" in client.get("/people").text


def test_config_rules_over_the_accounts_that_it_made(desk: Callable[..., TestClient], house: House) -> None:
    client = desk()
    log_in(client)
    assert client.get("/people").status_code == 403
    promoted = desk(allowed={"Anne@Union.example": Role.ADMINISTRATOR})
    log_in(promoted)
    assert promoted.get("/people").status_code == 200
    shut = desk(allowed={"bob@union.example": Role.VIEWER})
    shut.cookies.set("mailroom", promoted.cookies["mailroom"])
    assert shut.get("/me").status_code == 303  # also with a session from before
    assert refused(log_in(shut), STRANGER)


# --- who does not


def test_somebody_the_provider_knows_and_we_do_not(desk: Callable[..., TestClient], openid_provider: OpenIdProvider, house: House) -> None:
    openid_provider.claims |= {"email": "eve@union.example"}
    assert refused(log_in(desk()), STRANGER)
    assert house.store.people.find("eve@union.example") is None


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_is_not_verified_opens_nothing(desk: Callable[..., TestClient], openid_provider: OpenIdProvider, verified: object) -> None:
    openid_provider.claims["email_verified"] = verified
    assert refused(log_in(desk()), STRANGER)


def test_an_address_that_was_given_to_somebody_else_opens_nothing(desk: Callable[..., TestClient], openid_provider: OpenIdProvider) -> None:
    assert log_in(desk()).status_code == 303
    openid_provider.claims["sub"] = "person-2"
    assert refused(log_in(desk()), STRANGER)


def test_a_person_is_known_by_more_than_the_address(desk: Callable[..., TestClient], openid_provider: OpenIdProvider) -> None:
    """They married: the provider has another address for the same person."""
    assert log_in(desk()).status_code == 303
    openid_provider.claims |= {"email": "anne.jones@union.example"}
    client = desk()
    assert log_in(client).status_code == 303
    assert "anne@union.example" in client.get("/me").text


def test_a_disabled_account_stays_shut(desk: Callable[..., TestClient], house: House) -> None:
    client = desk()
    log_in(client)
    house.store.people.disable("anne@union.example", datetime.now(UTC), actor="root")
    assert client.get("/me").status_code == 303
    assert refused(log_in(desk()), STRANGER)


@pytest.mark.parametrize(
    ("claims", "comes_in"),
    [
        ({"preferred_username": "anne@union.example"}, True),
        ({"email": "anne@union.example", "preferred_username": "eve@evil.example", "email_verified": True}, False),
        ({"email": "anne@union.example", "preferred_username": "eve@evil.example", "xms_edov": True}, True),
        ({"email": "anne@union.example", "preferred_username": "eve@evil.example", "xms_edov": False}, False),
        ({"preferred_username": "anne_union.example#EXT#@evil.example"}, False),
        ({"preferred_username": "anne"}, False),
        ({}, False),
    ],
)
def test_microsofts_word_for_an_address_is_the_user_name(
    desk: Callable[..., TestClient], openid_provider: OpenIdProvider, claims: dict[str, Any], comes_in: bool
) -> None:
    openid_provider.claims = {"sub": "person-1", **claims}
    answer = log_in(desk("microsoft"))
    assert answer.status_code == 303 if comes_in else refused(answer, STRANGER)


# --- what is not believed

OTHER_KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})
FAULTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "another issuer": lambda claims: claims.update(iss="https://evil.example"),
    "no issuer": lambda claims: claims.pop("iss"),
    "for another application": lambda claims: claims.update(aud="another"),
    "for another application, though asked for by ours": lambda claims: claims.update(aud="another", azp=CLIENT),
    "for several, and made for another": lambda claims: claims.update(aud=[CLIENT, "another"], azp="another"),
    "no audience": lambda claims: claims.pop("aud"),
    "another nonce": lambda claims: claims.update(nonce="x"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "over": lambda claims: claims.update(exp=int(time.time()) - 120),
    "no end": lambda claims: claims.pop("exp"),
    "not yet": lambda claims: claims.update(nbf=int(time.time()) + 600),
    "from the future": lambda claims: claims.update(iat=int(time.time()) + 600),
    "nobody": lambda claims: claims.pop("sub"),
    "of another access token": lambda claims: claims.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_token_that_is_not_for_us_and_now_opens_nothing(desk: Callable[..., TestClient], openid_provider: OpenIdProvider, house: House, fault: str) -> None:
    openid_provider.fault = FAULTS[fault]
    assert refused(log_in(desk()), UNUSABLE)
    assert house.store.people.find("anne@union.example") is None


@pytest.mark.parametrize("forgery", ["another key", "unsigned", "the public key for a secret", "no token at all"])
def test_a_forged_token_opens_nothing(desk: Callable[..., TestClient], openid_provider: OpenIdProvider, house: House, forgery: str) -> None:
    openid_provider.forge = {
        "another key": lambda claims: openid_provider.signed(claims, key=OTHER_KEY),
        "unsigned": openid_provider.unsigned,
        "the public key for a secret": openid_provider.signed_with_the_public_key,
        "no token at all": lambda _: "",
    }[forgery]
    assert refused(log_in(desk()), UNUSABLE)
    assert house.store.people.find("anne@union.example") is None


def test_new_keys_of_the_provider_are_fetched_when_they_come_into_use(desk: Callable[..., TestClient], openid_provider: OpenIdProvider) -> None:
    assert log_in(desk()).status_code == 303
    openid_provider.keys.insert(0, RSAKey.generate_key(2048, parameters={"kid": "two", "use": "sig", "alg": "RS256"}))
    assert log_in(desk()).status_code == 303
    assert openid_provider.asked.count("keys") == 2
    assert log_in(desk()).status_code == 303
    assert openid_provider.asked.count("keys") == 2
    assert openid_provider.asked.count("discovery") == 1


# --- state, and what the browser takes along


def test_an_answer_without_its_beginning_is_refused(desk: Callable[..., TestClient]) -> None:
    """Login CSRF: somebody sends their own answer to another's browser."""
    theirs = answer_of(desk())
    assert refused(desk().get(theirs), "begun in another browser")
    victim = desk()
    answer_of(victim)  # has begun a login of their own
    assert refused(victim.get(theirs), UNUSABLE)


def test_an_answer_serves_once_and_not_for_ever(desk: Callable[..., TestClient]) -> None:
    client = desk()
    answer = answer_of(client)
    assert client.get(answer).status_code == 303
    fresh = desk()
    assert refused(fresh.get(answer), "begun in another browser")
    assert refused(client.get(answer), "begun in another browser")
    moment = [datetime.now(UTC)]
    slow = desk(now=lambda: moment[0])
    answer = answer_of(slow)
    moment[0] += timedelta(minutes=11)
    assert refused(slow.get(answer), "too long ago")


def test_what_the_browser_takes_along_cannot_be_changed(desk: Callable[..., TestClient]) -> None:
    client = desk()
    answer = answer_of(client)
    body, _, mac = client.cookies["mailroom-provider"].partition(".")
    for forged in (f"{body[:-2]}.{mac}", f"{body}.{mac[:-1]}", body, "", "é"):
        fresh = desk()
        assert refused(fresh.get(answer, headers={"Cookie": b"mailroom-provider=" + forged.encode()}), "begun in another browser")


def test_where_to_go_after_it_is_a_page_of_ours(desk: Callable[..., TestClient]) -> None:
    client = desk()
    assert client.get(answer_of(client, "/login/provider?next=//evil.example")).headers["location"] == "/"


def test_a_refusal_at_the_provider_is_told(desk: Callable[..., TestClient], openid_provider: OpenIdProvider) -> None:
    openid_provider.denies = True
    assert refused(log_in(desk()), "did not log you in")


# --- the provider itself


def test_a_provider_that_is_away_is_told_and_the_password_still_works(house: House) -> None:
    provider = Provider("google", issuer="http://127.0.0.1:9", client_id=CLIENT, secret=lambda: SECRET, allowed={})
    app = make_app(house.store, house.office, settings=Settings(provider=provider))  # type: ignore[arg-type]
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    answer = client.get("/login/provider")
    assert answer.status_code == 422
    assert "Google cannot be reached at this moment" in answer.text
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize("metadata", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/token"}, {"jwks_uri": "file:///etc/passwd"}])
def test_a_provider_that_is_not_who_it_should_be_gets_no_code(
    desk: Callable[..., TestClient], openid_provider: OpenIdProvider, metadata: dict[str, str]
) -> None:
    openid_provider.metadata = metadata
    assert desk().get("/login/provider").status_code == 422


def test_without_a_provider_there_is_no_such_way(house: House) -> None:
    client = house.client(None)
    assert "Log in with" not in client.get("/login").text
    assert client.get("/login/provider").status_code == 404
    assert client.get("/login/done").status_code == 404


# --- config.yaml


def settings(house: House, desk: str) -> Settings:
    (house.folder / "config.yaml").write_text(CONFIG + desk, encoding="utf-8")
    return settings_of(load_config(house.folder / "config.yaml"))


def test_the_settings_of_config_reach_the_desk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_SECRET", SECRET)
    made = settings(
        house,
        "desk:\n  url: https://mailroom.union.example\n  idle: 1h\n  longest: 2d\n"
        "  oidc: {provider: google, client_id: x, client_secret: {env: DESK_SECRET}, allowed: {Anne@union.example: viewer}}\n",
    )
    assert (made.url, made.idle, made.longest) == ("https://mailroom.union.example", timedelta(hours=1), timedelta(days=2))
    assert made.provider is not None
    assert (made.provider.issuer, made.provider.secret()) == ("https://accounts.google.com", SECRET)
    assert made.provider.role_of("ANNE@union.example") is Role.VIEWER


def test_check_asks_the_provider(house: House, openid_provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    told = f"desk:\n  url: https://m.example\n  oidc: {{provider: other, issuer: '{openid_provider.url}', client_id: x, client_secret: {{env: DESK_SECRET}}}}\n"

    def finding() -> list[tuple[bool, str]]:
        (house.folder / "config.yaml").write_text(CONFIG + told, encoding="utf-8")
        return [(one.ok, one.text) for one in run_checks(load_config(house.folder / "config.yaml")) if one.part == "desk"]

    assert finding() == [(False, "environment variable DESK_SECRET is not set (config.yaml names it as a password or secret); set it and start again")]
    monkeypatch.setenv("DESK_SECRET", SECRET)
    assert finding() == [
        (True, "its pages are at https://m.example"),
        (True, f"{openid_provider.url} answers; 0 addresses get an account at their first login"),
    ]
    openid_provider.metadata = {"issuer": "https://evil.example"}
    [(ok, said)] = finding()
    assert not ok
    assert "calls itself otherwise" in said
    told = told.replace(openid_provider.url, "http://127.0.0.1:9")
    [(ok, said)] = finding()
    assert not ok
    assert "cannot be reached" in said


@pytest.mark.parametrize(
    ("desk", "said"),
    [
        ("{oidc: {provider: google, client_id: x, client_secret: {env: S}}}", "oidc needs url"),
        ("{url: 'https://m.example', oidc: {provider: other, client_id: x, client_secret: {env: S}}}", "issuer is missing"),
        (
            "{url: 'https://m.example', oidc: {provider: microsoft, issuer: 'https://login.microsoftonline.com/common/v2.0', client_id: x, "
            "client_secret: {env: S}}}",
            "that of one tenant",
        ),
        ("{url: 'https://m.example', oidc: {provider: other, issuer: 'http://i.example', client_id: x, client_secret: {env: S}}}", "begins with https"),
        ("{url: 'https://m.example', oidc: {provider: google, client_id: x, client_secret: hunter2}}", "does not stand in this file"),
        (
            "{url: 'https://m.example', oidc: {provider: google, client_id: x, client_secret: {env: S}, allowed: {'*@m.example': viewer}}}",
            "should be an address",
        ),
        ("{url: 'https://m.example', oidc: {provider: google, client_id: x, client_secret: {env: S}, allowed: {'a@m.example': boss}}}", "viewer"),
        ("{idle: 15d}", "longest no shorter than idle"),
        ("{idle: 1s}", "at least 5m"),
        ("{longest: 200d}", "at most 90d"),
    ],
)
def test_mistakes_in_config_are_told(house: House, desk: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        settings(house, f"desk: {desk}\n")
