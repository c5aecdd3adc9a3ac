"""Fixtures of the whole suite: each server is real, started by its fixture and stopped by its process id."""

import os
from collections.abc import Iterator

import pytest

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


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on what happens to be set where it runs."""
    for name in [name for name in os.environ if name.startswith("MAILROOM_") and not name.startswith("MAILROOM_TEST")]:
        monkeypatch.delenv(name)
    yield
