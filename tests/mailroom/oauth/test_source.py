"""The source of tokens: what is cached, for how long, and who asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailroom.errors import Misconfigured, Temporary
from mailroom.oauth.faults import Profile
from mailroom.oauth.source import Issued, TokenSource
from mailroom.oauth.tokenfile import Stored, TokenFile
from tests.fixtures.token_endpoint import CLIENT, TokenEndpoint

ROOT = Path(__file__).parents[3]
PROFILE = Profile(provider="other", grant="application", key="K", client_id=CLIENT, endpoint="id.example", issued_for="app")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Numbered:
    """Gives token-1, token-2, ... and remembers the refresh token that each was asked for with."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1), *, rotates: bool = False) -> None:
        self.lifetime, self.rotates = lifetime, rotates
        self.asked: list[str | None] = []
        self.failures: list[Exception] = []

    def issue(self, refresh_token: str | None) -> Issued:
        if self.failures:
            raise self.failures.pop(0)
        self.asked.append(refresh_token)
        count = len(self.asked)
        return Issued(access_token=f"token-{count}", lifetime=self.lifetime, refresh_token=f"refresh-{count}" if self.rotates else None)


def test_a_token_serves_until_five_minutes_before_its_end() -> None:
    clock, issuer = Clock(), Numbered()
    source = TokenSource(issuer, PROFILE, now=clock)
    assert source.current() == "token-1"
    clock.forward(minutes=54, seconds=59)
    assert source.current() == "token-1"
    clock.forward(seconds=1)
    assert source.current() == "token-2"
    assert len(issuer.asked) == 2


def test_of_a_short_life_a_fifth_is_kept_back() -> None:
    clock, issuer = Clock(), Numbered(timedelta(seconds=10))
    source = TokenSource(issuer, PROFILE, now=clock)
    source.current()
    clock.forward(seconds=7.9)
    assert source.current() == "token-1"
    clock.forward(seconds=0.2)
    assert source.current() == "token-2"


def test_a_refused_token_is_replaced_once_it_is_old_enough_to_blame() -> None:
    """A new one would be refused as well, and asking at every login would look like an attack."""
    clock, issuer = Clock(), Numbered()
    source = TokenSource(issuer, PROFILE, now=clock)
    assert source.instead_of(source.current()) is None
    clock.forward(minutes=4, seconds=59)
    assert source.instead_of("token-1") is None
    clock.forward(seconds=1)
    assert source.instead_of("token-1") == "token-2"
    assert source.instead_of("token-2") is None
    assert len(issuer.asked) == 2


def test_who_comes_late_with_the_refused_token_gets_the_one_already_asked_for() -> None:
    clock, issuer = Clock(), Numbered()
    source = TokenSource(issuer, PROFILE, now=clock)
    source.current()
    clock.forward(minutes=6)
    assert [source.instead_of("token-1"), source.instead_of("token-1")] == ["token-2", "token-2"]
    assert len(issuer.asked) == 2


def test_a_failure_is_not_remembered() -> None:
    issuer = Numbered()
    issuer.failures.append(Temporary("away"))
    source = TokenSource(issuer, PROFILE)
    with pytest.raises(Temporary, match="away"):
        source.current()
    assert source.current() == "token-1"


def test_all_who_need_a_token_at_once_share_one_request() -> None:
    started, go = threading.Event(), threading.Event()

    class Slow(Numbered):
        def issue(self, refresh_token: str | None) -> Issued:
            started.set()
            assert go.wait(10)
            return super().issue(refresh_token)

    issuer = Slow()
    source = TokenSource(issuer, PROFILE)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(source.current) for _ in range(8)]
        assert started.wait(10)
        go.set()
        assert {one.result(10) for one in waiting} == {"token-1"}
    assert issuer.asked == [None]


# --- with a token file


def signed_in(path: Path, clock: Clock, **changes: str) -> TokenFile:
    file = TokenFile(path)
    values = {"issued_for": "app", "refresh_token": "refresh-0", "access_token": "token-0", **changes}
    file.save(Stored(**values, issued_at=clock(), expires_at=clock() + timedelta(hours=1)))
    return file


def test_the_token_in_the_file_serves_and_a_spent_refresh_token_is_replaced_in_it(tmp_path: Path) -> None:
    clock, issuer = Clock(), Numbered(rotates=True)
    file = signed_in(tmp_path / "t", clock)
    source = TokenSource(issuer, PROFILE, file=file, now=clock)
    assert source.current() == "token-0"
    clock.forward(hours=1)
    assert source.current() == "token-1"
    clock.forward(hours=1)
    assert source.current() == "token-2"
    assert issuer.asked == ["refresh-0", "refresh-1"]
    stored = file.load()
    assert stored is not None
    assert (stored.refresh_token, stored.access_token, stored.expires_at) == ("refresh-2", "token-2", clock() + timedelta(hours=1))


def test_a_provider_that_keeps_the_refresh_token_keeps_it(tmp_path: Path) -> None:
    clock, issuer = Clock(), Numbered()
    file = signed_in(tmp_path / "t", clock)
    source = TokenSource(issuer, PROFILE, file=file, now=clock)
    for _ in range(2):
        clock.forward(hours=2)
        source.current()
    assert issuer.asked == ["refresh-0", "refresh-0"]


def test_a_new_sign_in_is_seen_without_a_restart(tmp_path: Path) -> None:
    clock, issuer = Clock(), Numbered()
    file = signed_in(tmp_path / "t", clock)
    source = TokenSource(issuer, PROFILE, file=file, now=clock)
    clock.forward(hours=2)
    issuer.failures.append(Misconfigured("refused"))
    with pytest.raises(Misconfigured):
        source.current()
    signed_in(file.path, clock, refresh_token="refresh-new", access_token="token-new")
    assert source.current() == "token-new"
    assert issuer.asked == []


def test_nobody_has_signed_in_or_for_another_application(tmp_path: Path) -> None:
    clock = Clock()
    source = TokenSource(Numbered(), PROFILE, file=TokenFile(tmp_path / "t"), now=clock)
    with pytest.raises(Misconfigured, match="nobody has signed in yet"):
        source.current()
    signed_in(tmp_path / "t", clock, issued_for="another app")
    with pytest.raises(Misconfigured, match="another application or tenant"):
        source.current()


def test_a_refused_token_is_not_replaced_where_another_process_has_done_so(tmp_path: Path) -> None:
    clock, issuer = Clock(), Numbered()
    file = signed_in(tmp_path / "t", clock)
    source = TokenSource(issuer, PROFILE, file=file, now=clock)
    assert source.current() == "token-0"
    clock.forward(minutes=10)
    signed_in(file.path, clock, access_token="theirs")
    assert source.instead_of("token-0") == "theirs"
    assert issuer.asked == []


PROCESS = """
import sys
from pathlib import Path
from mailroom.config import OAuth2Config, Secret
from mailroom.oauth import TokenSources, mailbox_login
config = OAuth2Config(provider="other", client_id=sys.argv[1], token_endpoint=sys.argv[2], token_file=Path(sys.argv[3]))
source = TokenSources().of(mailbox_login("programme", "car", config))
print("ready", flush=True)
sys.stdin.readline()
print(source.current())
"""


def test_processes_that_refresh_at_once_do_it_once(tmp_path: Path, token_endpoint: TokenEndpoint) -> None:
    """The endpoint takes a second use of a refresh token for theft and ends the sign-in, as providers do."""
    path, address = tmp_path / "t", f"{token_endpoint.url}/token"
    past = datetime(2020, 1, 1, tzinfo=UTC)
    refresh_token = token_endpoint.new_refresh_token()
    token_endpoint.pause = 0.5
    TokenFile(path).save(Stored(issued_for=f"{address} {CLIENT}", refresh_token=refresh_token, access_token="old", issued_at=past, expires_at=past))
    command = [sys.executable, "-c", PROCESS, CLIENT, address, str(path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}) for _ in range(3)
    ]
    got = []
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        got.append(process.communicate(timeout=30)[0].strip())
    assert token_endpoint.grants("refresh_token") == 1
    assert set(got) == {json.loads(path.read_text())["access_token"]}
    assert token_endpoint.takes("car", got[0])
