"""Fixtures of the whole suite: each server is real, started by its fixture and stopped by its process id."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast the machine is, or what else it does, is no finding. Half of Hypothesis's hundred draws find what is wrong here, if not always in the first run.
settings.register_profile("mailroom", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mailroom")

MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # a whole run has a fifth of it there at once


def _files_in_memory() -> None:
    """What tests write lies in memory, where there is room: on a disk each commit of a store waits for it, a third of a test's time and more.

    Nothing is synchronised less. $TMPDIR, where it is set, holds.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return
    available = next((int(line.split()[1]) << 10 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:")), 0)
    if available >= ROOM:
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None


_files_in_memory()

pytest_plugins = [
    "tests.fixtures.desk",
    "tests.fixtures.browser",  # after the one that it imports
    "tests.fixtures.dovecot",
    "tests.fixtures.postgres",
    "tests.fixtures.pymap_server",
    "tests.fixtures.smtp_sink",
    "tests.fixtures.stores",
    "tests.fixtures.openid_provider",
    "tests.fixtures.token_endpoint",
    "tests.fixtures.installation",
]


# Half a minute and more each: begun first, so that none of them keeps one worker busy alone at the end.
LONG = (
    "test_store_crash.py",
    "test_sigkill.py",
    "test_killed_while_sending.py",
    "test_main_job.py",
    "test_oauth2.py",
    "test_conversations.py",
    "test_browsing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on what happens to be set where it runs."""
    for name in [name for name in os.environ if name.startswith("MAILROOM_") and not name.startswith("MAILROOM_TEST")]:
        monkeypatch.delenv(name)
    yield
