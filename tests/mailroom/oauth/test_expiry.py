"""The dates of secrets and certificates: said in time, wrong when past."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailroom.config import Config, load_config
from mailroom.oauth.expiry import expiries, unwatched
from mailroom.service import tell_dates
from tests.fixtures.certificates import make_application_certificate

TODAY = date(2026, 11, 30)


def config_with(tmp_path: Path, imap: str, smtp: str = "") -> Config:
    file = tmp_path / "config.yaml"
    sending = f"  smtp: {{host: mail.example, user: car, {smtp}}}\n" if smtp else ""
    file.write_text(
        f'mailboxes:\n  - name: programme\n    imap: {{host: mail.example, user: car, {imap}}}\nreplies:\n  from: "CAR <car@union.example>"\n{sending}'
    )
    return load_config(file)


def secret_until(day: str) -> str:
    return f"oauth2: {{provider: microsoft, tenant: t, client_id: c, client_secret: {{env: S}}, expires: {day}}}"


@pytest.mark.parametrize(
    ("day", "near", "over", "words"),
    [
        ("2027-05-01", False, False, "is good until 2027-05-01"),
        ("2026-12-31", False, False, "is good until 2026-12-31"),
        ("2026-12-30", True, False, "expires in 30 days (2026-12-30); make a new one"),
        ("2026-12-12", True, False, "expires in 12 days (2026-12-12); make a new one"),
        ("2026-12-01", True, False, "expires in 1 day (2026-12-01)"),
        ("2026-11-30", True, False, "expires today (2026-11-30)"),
        ("2026-11-29", True, True, "expired 1 day ago (2026-11-29); make a new one"),
        ("2025-11-29", True, True, "expired 366 days ago (2025-11-29)"),
    ],
)
def test_what_is_said_when(tmp_path: Path, day: str, near: bool, over: bool, words: str) -> None:
    (expiry,) = expiries(config_with(tmp_path, secret_until(day)), TODAY)
    assert (expiry.near, expiry.over) == (near, over)
    assert str(expiry).startswith("mailbox programme, imap.oauth2: the client secret ")
    assert words in str(expiry)


def test_a_secret_that_both_use_is_told_once(tmp_path: Path) -> None:
    config = config_with(tmp_path, secret_until("2026-12-12"), secret_until("2026-12-12"))
    assert len(list(expiries(config, TODAY))) == 1
    assert [e.on.day for e in expiries(config_with(tmp_path, secret_until("2026-12-12"), secret_until("2026-12-13")), TODAY)] == [12, 13]


def test_a_certificate_is_asked_itself(tmp_path: Path) -> None:
    make_application_certificate(tmp_path, days=12)
    config = config_with(tmp_path, "oauth2: {provider: microsoft, tenant: t, client_id: c, certificate: {file: app.pem}}")
    (expiry,) = expiries(config)
    assert expiry.days == 12
    assert "the certificate expires in 12 days" in str(expiry)
    make_application_certificate(tmp_path, days=-3)
    (expiry,) = expiries(config)
    assert expiry.over


def test_a_secret_without_a_date_is_unwatched(tmp_path: Path) -> None:
    config = config_with(tmp_path, "oauth2: {provider: microsoft, tenant: t, client_id: c, client_secret: {env: S}}")
    (told,) = unwatched(config)
    assert "expires: 2027-05-01" in told
    assert list(unwatched(config_with(tmp_path, secret_until("2027-05-01")))) == []
    assert list(unwatched(config_with(tmp_path, "password: {env: S}"))) == []


def test_the_service_logs_what_is_near_and_what_is_past(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_with(tmp_path, secret_until(f"{datetime.now(UTC).date()}"), secret_until("2020-01-01"))
    with caplog.at_level(logging.WARNING):
        tell_dates(config)
        tell_dates(config_with(tmp_path, secret_until("2999-01-01")))
        tell_dates(config_with(tmp_path, "oauth2: {provider: microsoft, tenant: t, client_id: c, certificate: {file: none.pem}}"))
    told = [(record.levelname, record.message) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "ERROR", "ERROR"]
    assert ["expires today" in told[0][1], "expired" in told[1][1], "No such file" in told[2][1]] == [True] * 3
