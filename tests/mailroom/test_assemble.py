"""From settings to pace and folder of sent mail."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailroom.assemble import make_pace, make_sent
from mailroom.config import Config, load_config
from mailroom.errors import Misconfigured
from mailroom.oauth import TokenSources
from notify.pacing import Pace

IMAP = "imap: {host: imap.example, user: car@union.example, password: {env: PW}}"


def config(tmp_path: Path, smtp: str = "", replies: str = "", mailbox: str = IMAP) -> Config:
    file = tmp_path / "config.yaml"
    text = f"mailboxes:\n  - name: programme\n    {mailbox}\nreplies:\n  from: car@union.example\n"
    file.write_text(text + (f"  smtp: {{{smtp}}}\n" if smtp else "") + (f"  sent_folder: {{{replies}}}\n" if replies else ""), encoding="utf-8")
    return load_config(file)


LOGIN = "user: Car@union.example, password: {env: PW}"


@pytest.mark.parametrize(
    ("smtp", "pace"),
    [
        ("host: smtp.office365.com", Pace(per_minute=30, per_day=10_000)),
        ("host: smtp.gmail.com", Pace(per_minute=60, per_day=2_000)),
        ("host: smtp.union.example", Pace()),
        ("host: relay.union.example, provider: microsoft", Pace(per_minute=30, per_day=10_000)),
        ("host: smtp.office365.com, provider: other", Pace()),
        ("host: smtp.office365.com, per_minute: 10", Pace(per_minute=10, per_day=10_000)),
        ("host: smtp.gmail.com, per_day: 500, per_minute: 0", Pace(per_day=500)),
        ("host: smtp.union.example, per_minute: 100", Pace(per_minute=100)),
        ("", Pace()),
    ],
)
def test_the_pace_is_the_provider_s_unless_it_is_set(tmp_path: Path, smtp: str, pace: Pace) -> None:
    assert make_pace(config(tmp_path, smtp)) == pace


@pytest.mark.parametrize(
    ("smtp", "sent", "expected"),
    [
        ("host: smtp.union.example", "", None),  # nothing is known of it, nothing is done
        (f"host: smtp.office365.com, {LOGIN}", "", (None, False, 5)),  # it files by itself: looked at, never written to
        ("host: smtp.office365.com, user: other@union.example, password: {env: PW}", "", None),  # another account's Sent
        ("host: smtp.union.example", "mailbox: programme", (None, True, 5)),
        ("host: smtp.union.example", "mailbox: programme, folder: Out, wait: 2m, copies: false", ("Out", False, 2)),
        ("host: smtp.gmail.com", "mailbox: programme", (None, False, 5)),
        ("host: smtp.gmail.com", "mailbox: programme, copies: true", (None, True, 5)),
        ("", "mailbox: programme", None),
    ],
)
def test_where_sent_mail_is(tmp_path: Path, smtp: str, sent: str, expected: tuple[str | None, bool, int] | None) -> None:
    made = make_sent(config(tmp_path, smtp, sent), TokenSources())
    if expected is None:
        assert made is None
        return
    folder, copies, minutes = expected
    assert made is not None
    assert (made.box.folder, made.box.make, made.copies, made.wait) == (folder, copies, copies, timedelta(minutes=minutes))  # type: ignore[attr-defined]


def test_a_sent_folder_in_no_mailbox_with_imap_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"sent_folder\.mailbox: «programm» is none of the mailboxes with imap; there is programme"):
        config(tmp_path, "host: smtp.union.example", "mailbox: programm")
    with pytest.raises(Misconfigured, match="none of the mailboxes with imap"):
        config(tmp_path, "host: smtp.union.example", "mailbox: programme", mailbox="folder: mail")
