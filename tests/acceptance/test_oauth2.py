"""The real command with tokens in place of passwords: Dovecot, an SMTP server and a token endpoint, all on loopback.

Tokens live two seconds here, so that they end between two rounds; nothing waits longer for one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailroom.sink import Sink
from tests.fixtures.certificates import make_application_certificate
from tests.fixtures.dovecot import Dovecot, dovecot_server, needs_dovecot
from tests.fixtures.installation import Installation
from tests.fixtures.token_endpoint import CLIENT, SECRET, TENANT, TokenEndpoint

DEMO = Path(__file__).parents[2] / "mailroom" / "demo" / "mail"
LETTERS = [(DEMO / name).read_bytes() for name in ("01-page-headings.eml", "04-learning-group.eml", "03-html-only.eml")]


@pytest.fixture
def server(token_endpoint: TokenEndpoint) -> Iterator[Dovecot]:
    needs_dovecot()
    with dovecot_server(introspection_url=f"{token_endpoint.url}/introspect") as server:
        yield server


@pytest.fixture
def sink(token_endpoint: TokenEndpoint) -> Iterator[Sink]:
    with Sink(bearer=lambda user, token: "" if token_endpoint.takes(user, token) else "535 5.7.3 Authentication unsuccessful") as sink:
        yield sink


@pytest.fixture
def home(installation: Callable[..., Installation], server: Dovecot, sink: Sink, token_endpoint: TokenEndpoint) -> Callable[[str], Installation]:
    """An installation whose mailbox and SMTP server share one block of settings."""

    def make(grant: str) -> Installation:
        here = installation(environment={"CLIENT_SECRET": SECRET})
        here.config.write_text(
            f"mailboxes:\n  - name: programme\n    every: 1s\n    imap:\n      {{host: 127.0.0.1, port: {server.port}, tls: none, user: car, oauth2: &car "
            f"{{provider: microsoft, tenant: {TENANT}, client_id: {CLIENT}, authority: '{token_endpoint.tls_url}', ca_file: {token_endpoint.ca_file}, "
            f"{grant}}}}}\n"
            f'replies:\n  mode: send\n  from: "Action Research <car@union.example>"\n'
            f"  smtp: {{host: 127.0.0.1, port: {sink.port}, tls: none, user: car, oauth2: *car}}\n"
        )
        return here

    return make


def by_secret(days: int = 200) -> str:
    return f"client_secret: {{env: CLIENT_SECRET}}, expires: {(datetime.now(UTC) + timedelta(days=days)).date()}"


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """What another process does gives nothing to wait on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_round_reads_and_answers_with_one_token(
    home: Callable[[str], Installation], server: Dovecot, sink: Sink, token_endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    here = home(by_secret())
    server.append("INBOX", LETTERS[:2])
    assert "takes our login" in here.run("check").stdout
    before = token_endpoint.grants("client_credentials")
    assert before == 1
    report = here.poll()
    assert report["mailboxes"]["programme"]["new"] == 2
    assert len(sink.messages) == report["replies"]["sent"] > 0
    assert token_endpoint.grants("client_credentials") == before + 1
    assert "method=OAUTHBEARER," in server.log()


def test_a_certificate_serves_as_well(home: Callable[[str], Installation], server: Dovecot, token_endpoint: TokenEndpoint) -> None:
    here = home("certificate: {file: app.pem}")
    token_endpoint.certificate, _ = make_application_certificate(here.home, days=12)
    server.append("INBOX", LETTERS[:1])
    assert here.poll()["mailboxes"]["programme"]["new"] == 1
    assert "ok    oauth2: mailbox programme, imap.oauth2: the certificate expires in 12 days" in here.run("check").stdout


def test_tokens_that_end_between_rounds_and_during_idle_are_renewed(
    home: Callable[[str], Installation], server: Dovecot, sink: Sink, token_endpoint: TokenEndpoint
) -> None:
    token_endpoint.lifetime = 2
    running = home(by_secret(12)).start("run")
    try:
        for count, letter in enumerate(LETTERS[:2], 1):
            server.append("INBOX", [letter])
            assert sink.wait_for(count, 60), running.poll()
            tokens = len(token_endpoint.given)
            assert until(lambda tokens=tokens: len(token_endpoint.given) > tokens)  # type: ignore[misc]
        server.restart()  # the listener's session, begun with a token that is long over, ends
        server.append("INBOX", LETTERS[2:])
        assert sink.wait_for(3, 60), running.poll()
    finally:
        running.terminate()
        _, log = running.communicate(timeout=60)
    assert running.returncode == 0, log
    assert "auth failed" not in server.log()
    assert "ERROR" not in log
    assert log.count("the client secret expires in 12 days") == 1  # once a day, not at each round
    assert token_endpoint.grants("client_credentials") == len(token_endpoint.given) >= 3
    assert not any(token in log for token in token_endpoint.given)


EXPIRED = ("invalid_client", f"AADSTS7000222: The provided client secret keys for app '{CLIENT}' are expired.")


def test_an_expired_secret_is_said_and_mended_while_it_runs(
    home: Callable[[str], Installation], server: Dovecot, sink: Sink, token_endpoint: TokenEndpoint
) -> None:
    here = home(by_secret())
    token_endpoint.refuse(*EXPIRED, status=401, times=1000)
    ended = here.run("run", ok=False)
    assert ended.returncode == 1
    assert "the client secret has expired; make a new one" in ended.stderr
    assert "Traceback" not in ended.stderr
    checked = here.run("check", ok=False)
    assert checked.returncode == 1
    assert checked.stdout.count("has expired; make a new one in the Entra admin centre") == 2  # mailbox and sending
    assert "last error: mailbox programme, imap.oauth2: the client secret has expired" in here.run("status").stdout
    token_endpoint.faults.clear()
    token_endpoint.lifetime = 2
    running = here.start("run")
    try:
        server.append("INBOX", LETTERS[:1])
        assert sink.wait_for(1, 60)
        token_endpoint.refuse(*EXPIRED, status=401, times=1000)
        assert until(lambda: len(token_endpoint.faults) < 999)
        token_endpoint.faults.clear()
        server.append("INBOX", LETTERS[1:2])
        assert sink.wait_for(2, 60)
    finally:
        running.terminate()
        _, log = running.communicate(timeout=60)
    assert running.returncode == 0, log
    assert "the client secret has expired; make a new one" in log


def test_a_user_signs_in_by_code_and_again_when_the_sign_in_has_ended(
    home: Callable[[str], Installation], server: Dovecot, sink: Sink, token_endpoint: TokenEndpoint
) -> None:
    here = home("token_file: car.token")
    server.append("INBOX", LETTERS[:1])
    ended = here.run("poll", ok=False)
    assert "nobody has signed in yet" in ended.stderr
    shown = here.run("sign-in", "programme").stdout
    assert "enter the code ABCD-1234" in shown
    assert "signed in as car@union.example; kept in" in shown
    assert here.poll()["mailboxes"]["programme"]["new"] == 1
    assert len(token_endpoint.given) == 1  # the access token is kept in the file as well
    # The sign-in ends: refused in words, and mended by another.
    token = json.loads((here.home / "car.token").read_text())
    (here.home / "car.token").write_text(json.dumps({**token, "expires_at": token["issued_at"]}))
    token_endpoint.end_sign_in()
    ended = here.run("poll", ok=False)
    assert ended.returncode == 1
    assert "the sign-in is no longer good" in ended.stderr
    assert "sign in again with «mailroom sign-in»" in ended.stderr
    here.run("sign-in")
    assert here.poll()["mailboxes"]["programme"]["new"] == 0


def test_what_the_provider_lacks_is_told_apart(home: Callable[[str], Installation], server: Dovecot, token_endpoint: TokenEndpoint) -> None:
    """Consent missing: the token lists no permission. Service principal or permission missing: it does, and is refused all the same."""
    here = home(by_secret())
    token_endpoint.user = "somebody-else"
    assert "New-ServicePrincipal" in here.run("check", ok=False).stdout
    token_endpoint.roles = None
    said = here.run("check", ok=False).stdout
    assert "lacks the permission IMAP.AccessAsApp: consent is missing" in said
    assert "lacks the permission SMTP.SendAsApp: consent is missing" in said


def test_check_and_status_tell_the_secrets_date(home: Callable[[str], Installation]) -> None:
    here = home(by_secret(-3))
    here.poll()  # the provider decides, not the date: a wrong date must not stop the mail
    checked = here.run("check", ok=False)
    assert "WRONG oauth2: mailbox programme, imap.oauth2: the client secret expired 3 days ago" in checked.stdout
    assert checked.returncode == 1
    assert "WRONG mailbox programme, imap.oauth2: the client secret expired 3 days ago" in here.run("status").stdout
