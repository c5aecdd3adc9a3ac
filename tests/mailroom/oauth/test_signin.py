"""`mailroom sign-in`, against our own endpoint: by a code, by a browser, by pasting, by a token from elsewhere."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mailroom.config import Config, load_config
from mailroom.errors import MailroomError, Misconfigured
from mailroom.oauth import TokenSources, logins
from mailroom.oauth.signin import Console, sign_in
from mailroom.oauth.tokenfile import TokenFile
from tests.fixtures.token_endpoint import CLIENT, SECRET, TENANT, TokenEndpoint


def written(tmp_path: Path, *oauth2: str) -> Config:
    """One mailbox for each."""
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    boxes = "".join(f"  - name: box{n}\n    imap: {{host: mail.example, user: car, oauth2: {{{one}}}}}\n" for n, one in enumerate(oauth2, 1))
    (tmp_path / "config.yaml").write_text(f'mailboxes:\n{boxes}replies:\n  from: "CAR <car@union.example>"\n')
    return load_config(tmp_path / "config.yaml")


def microsoft(endpoint: TokenEndpoint, file: str = "car.token") -> str:
    return f"provider: microsoft, tenant: {TENANT}, client_id: {CLIENT}, token_file: {file}, authority: {endpoint.tls_url}, ca_file: {endpoint.ca_file}"


def google(endpoint: TokenEndpoint) -> str:
    return (
        f"provider: google, client_id: {CLIENT}, client_secret: {{file: secret}}, token_file: car.token, token_endpoint: {endpoint.url}/token, "
        f"authorization_endpoint: {endpoint.url}/authorize"
    )


def person(shown: list[str]) -> Console:
    return Console(show=shown.append, prompt=lambda _: "")


def usable(config: Config, endpoint: TokenEndpoint) -> bool:
    """What the mailbox gets afterwards, from the file alone."""
    (login,) = logins(config)
    return endpoint.takes("car", TokenSources().of(login).current())


def test_the_device_code_is_shown_and_the_token_kept(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    config, shown = written(tmp_path, microsoft(token_endpoint)), list[str]()
    told = sign_in(config, None, person(shown))
    assert "https://login.example/device" in shown[0]
    assert "ABCD-1234" in shown[0]
    assert told.startswith("signed in as car@union.example; kept in ")
    assert usable(config, token_endpoint)
    assert token_endpoint.grants("device_code") == 2  # one of them too early
    assert (tmp_path / "car.token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("authorization_declined", "", "was declined"),
        ("expired_token", "AADSTS70020", "not finished in time"),
        ("invalid_client", "AADSTS7000218: needs secret", "Allow public client flows"),
    ],
)
def test_a_sign_in_that_comes_to_nothing_keeps_nothing(tmp_path: Path, token_endpoint: TokenEndpoint, error: str, description: str, words: str) -> None:
    config, shown = written(tmp_path, microsoft(token_endpoint)), list[str]()

    def show(text: str) -> None:
        shown.append(text)
        token_endpoint.refuse(error, description)

    with pytest.raises(Misconfigured, match=words):
        sign_in(config, None, Console(show=show, prompt=lambda _: ""))
    assert not (tmp_path / "car.token").exists()


def test_a_code_that_nobody_enters(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    token_endpoint.device_polls, token_endpoint.device_lifetime = 1000, 1
    with pytest.raises(Misconfigured, match="not finished in time"):
        sign_in(written(tmp_path, microsoft(token_endpoint)), None, person([]))


def test_no_code_is_given(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    token_endpoint.refuse("unauthorized_client", "AADSTS700016: Application was not found in the directory")
    with pytest.raises(Misconfigured, match="is not known in tenant"):
        sign_in(written(tmp_path, microsoft(token_endpoint)), None, person([]))


def test_a_browser_comes_back_to_us(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    config, pages, browsers = written(tmp_path, google(token_endpoint)), list[str](), list[threading.Thread]()

    def browse(address: str) -> None:
        redirect = re.search(r"redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)", address)
        assert redirect is not None
        with pytest.raises(urllib.error.HTTPError, match="404"):  # neither a stray request nor a stranger's answer ends the wait
            urllib.request.urlopen(f"http://127.0.0.1:{redirect[1]}/?code=stolen&state=guessed", timeout=10)
        pages.append(urllib.request.urlopen(address, timeout=10).read().decode())

    def show(text: str) -> None:
        address = re.search(r"http://\S+", text)
        assert address is not None
        browsers.append(threading.Thread(target=browse, args=(address[0],)))
        browsers[0].start()

    told = sign_in(config, "box1", Console(show=show, prompt=lambda _: ""))
    browsers[0].join(10)
    assert "kept in" in told
    assert "Thank you" in pages[0]
    assert usable(config, token_endpoint)
    assert token_endpoint.grants("authorization_code") == 1


def pasting(change: str = "") -> Console:
    """A person whose browser is elsewhere: the address that it ends at is pasted."""
    shown: list[str] = []

    class Stop(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: object) -> None:
            return None

    def prompt(_: str) -> str:
        address = re.search(r"http://\S+/authorize\?\S+", shown[0])
        assert address is not None
        try:
            urllib.request.build_opener(Stop).open(address[0], timeout=10)
        except urllib.error.HTTPError as answer:
            with answer:
                return change or str(answer.headers["Location"])
        raise AssertionError

    return Console(show=shown.append, prompt=prompt)


def test_a_browser_on_another_machine(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    config = written(tmp_path, google(token_endpoint))
    sign_in(config, None, pasting(), paste=True)
    assert usable(config, token_endpoint)


def test_a_permission_that_was_unticked_is_told_at_once(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    token_endpoint.granted = "openid"
    with pytest.raises(Misconfigured, match="the permission for mail was not given"):
        sign_in(written(tmp_path, google(token_endpoint)), None, pasting(), paste=True)
    assert not (tmp_path / "car.token").exists()


@pytest.mark.parametrize(("pasted", "words"), [("http://127.0.0.1:1/?code=x&state=y", "no answer to this sign-in"), ("what?", "not finished")])
def test_what_is_pasted_must_answer_this_sign_in(tmp_path: Path, token_endpoint: TokenEndpoint, pasted: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        sign_in(written(tmp_path, google(token_endpoint)), None, pasting(pasted), paste=True)
    assert token_endpoint.requests == []


def test_a_refresh_token_from_elsewhere_is_tried_and_kept(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    config = written(tmp_path, f"provider: other, client_id: {CLIENT}, token_endpoint: {token_endpoint.url}/token, token_file: car.token")
    with pytest.raises(Misconfigured, match="authorization_endpoint"):
        sign_in(config, None, person([]))
    with pytest.raises(Misconfigured, match="no longer good"):
        sign_in(config, None, person([]), refresh_token="never given")
    assert not (tmp_path / "car.token").exists()
    sign_in(config, None, person([]), refresh_token=token_endpoint.new_refresh_token())
    assert usable(config, token_endpoint)


def test_which_mailbox_is_meant(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    config = written(tmp_path, microsoft(token_endpoint, "one.token"), microsoft(token_endpoint, "two.token"))
    with pytest.raises(MailroomError, match="name one of: box1, box2"):
        sign_in(config, None, person([]))
    with pytest.raises(Misconfigured, match="called «box3»"):
        sign_in(config, "box3", person([]))
    sign_in(config, "box2", person([]))
    assert TokenFile(tmp_path / "two.token").load() is not None
    assert TokenFile(tmp_path / "one.token").load() is None


def test_a_folder_that_cannot_be_written_is_told_before_the_browser(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    shown: list[str] = []
    with pytest.raises(Misconfigured, match="folder must be writable"):
        sign_in(written(tmp_path, microsoft(token_endpoint, "nowhere/car.token")), None, person(shown))
    assert shown == []
