"""The token file: private, whole at every moment, one holder at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailroom.errors import Misconfigured, Temporary
from mailroom.oauth.tokenfile import Stored, TokenFile

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STORED = Stored(issued_for="app", refresh_token="r1", access_token="a1", issued_at=NOW, expires_at=NOW)


def test_what_is_saved_is_loaded_and_only_we_can_read_it(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "car.token")
    assert file.load() is None
    before = os.umask(0)  # the most permissive there is
    try:
        file.save(STORED)
    finally:
        os.umask(before)
    assert file.load() == STORED
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["car.token"]


def test_no_secret_is_in_its_repr() -> None:
    assert "r1" not in repr(STORED)
    assert "a1" not in repr(STORED)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "car.token")
    file.save(STORED)
    file.path.chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        file.load()


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"issued_for": 1', '{"issued_for":"a","refresh_token":"r","access_token":"a","issued_at":"soon","expires_at":"x"}']
)
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    path = tmp_path / "car.token"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match="mailroom sign-in"):
        TokenFile(path).load()


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "nowhere" / "car.token")
    with pytest.raises(Misconfigured, match="folder must be writable"), file.locked():
        pass
    with pytest.raises(Misconfigured, match="cannot be written"):
        file.save(STORED)


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from mailroom.oauth.tokenfile import Stored, TokenFile
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)   # the moment before the new file takes its place
file = TokenFile(Path(sys.argv[1]))
with file.locked():
    file.save(Stored(issued_for="app", refresh_token="r2", access_token="a2", issued_at=datetime.now(UTC), expires_at=datetime.now(UTC)))
"""


def test_a_process_killed_while_saving_leaves_the_old_file_and_no_lock(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "car.token")
    file.save(STORED)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file.path)], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -9
    assert file.load() == STORED
    with file.locked(patience=0):
        file.save(STORED)


HOLDER = """
import sys
from pathlib import Path
from mailroom.oauth.tokenfile import TokenFile
with TokenFile(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_another_process_waits_and_gives_up_in_words(tmp_path: Path) -> None:
    path = tmp_path / "car.token"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Temporary, match="another process"), TokenFile(path).locked(patience=0.1):
            pass
        holder.communicate("\n")
    with TokenFile(path).locked(patience=1):
        pass
