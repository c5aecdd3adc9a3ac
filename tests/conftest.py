"""Fixtures of the whole suite: each server is real, started by its fixture and stopped by its process id."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How fast the machine is, or what else it does, is no finding.
settings.register_profile("mailroom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mailroom")

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
LONG = ("test_store_crash.py", "test_sigkill.py", "test_killed_while_sending.py", "test_main_job.py", "test_oauth2.py", "test_conversations.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on what happens to be set where it runs."""
    for name in [name for name in os.environ if name.startswith("MAILROOM_") and not name.startswith("MAILROOM_TEST")]:
        monkeypatch.delenv(name)
    yield
