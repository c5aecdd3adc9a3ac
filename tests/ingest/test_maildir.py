"""What only a Maildir has: new and cur, flags in names, Maildir++ folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.local import stable_uid
from ingest.maildir import MaildirMailbox
from mailroom.errors import Misconfigured


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    path = tmp_path / "Maildir"
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    return path


def test_uid_survives_reading_and_flags(maildir: Path) -> None:
    """new/NAME, cur/NAME:2, and cur/NAME:2,RS are one message."""
    names = ["new/1.M1.host", "cur/1.M1.host:2,", "cur/1.M1.host:2,RS"]
    (maildir / names[0]).write_bytes(b"x")
    seen = []
    for name, following in zip(names, [*names[1:], None], strict=True):
        with MaildirMailbox("programme", maildir).connect() as session:
            seen.append(session.uids())
        if following:
            (maildir / name).rename(maildir / following)
    assert seen == [[stable_uid(b"1.M1.host")]] * 3


def test_message_that_moves_during_a_fetch_is_found_again(maildir: Path) -> None:
    """A mail reader renames files at any time; what was listed is still handed over."""
    for number in (1, 2, 3):
        (maildir / "new" / f"{number}.host").write_bytes(b"mail %d" % number)
    with MaildirMailbox("programme", maildir).connect() as session:
        arrivals = session.fetch(session.uids())
        contents = [next(arrivals).content]
        for path in (maildir / "new").iterdir():
            path.rename(maildir / "cur" / (path.name + ":2,S"))
        contents += [a.content for a in arrivals]
    assert sorted(c or b"" for c in contents) == [b"mail 1", b"mail 2", b"mail 3"]


def test_lf_files_are_taken_as_they_are(maildir: Path) -> None:
    """Maildirs hold LF by custom; no octet is changed, and the digest is that of the file."""
    (maildir / "new" / "1.host").write_bytes(b"Subject: x\n\nHello\n")
    with MaildirMailbox("programme", maildir).connect() as session:
        (arrival,) = session.fetch(session.uids())
    assert arrival.content == b"Subject: x\n\nHello\n"


def test_unfinished_and_foreign_files_are_no_mail(maildir: Path) -> None:
    """tmp/, names with a dot in front, folders and sub-folders are left alone."""
    (maildir / "tmp" / "1.host").write_bytes(b"half")
    (maildir / "new" / ".nfs0001").write_bytes(b"x")
    (maildir / "cur" / "folder").mkdir()
    (maildir / ".Sent" / "cur").mkdir(parents=True)
    (maildir / ".Sent" / "cur" / "2.host:2,").write_bytes(b"sent")
    (maildir / "dovecot-uidlist").write_bytes(b"3")
    with MaildirMailbox("programme", maildir).connect() as session:
        assert session.uids() == []


def test_moving_keeps_flags(maildir: Path) -> None:
    """A settled message goes to the Maildir++ folder, with its flags and in cur."""
    (maildir / "cur" / "1.host:2,FS").write_bytes(b"x")
    with MaildirMailbox("programme", maildir, move_to="Done/2022").connect() as session:
        session.settle(session.uids())
    assert (maildir / ".Done.2022" / "cur" / "1.host:2,FS").read_bytes() == b"x"


def test_moving_does_not_overwrite(maildir: Path) -> None:
    """The same unique name in the target keeps what is there."""
    (maildir / ".Done" / "cur").mkdir(parents=True)
    (maildir / ".Done" / "cur" / "1.host:2,S").write_bytes(b"older")
    (maildir / "cur" / "1.host:2,S").write_bytes(b"newer")
    with MaildirMailbox("programme", maildir, move_to="Done").connect() as session:
        session.settle(session.uids())
    assert {p.name: p.read_bytes() for p in (maildir / ".Done" / "cur").iterdir()} == {"1.host:2,S": b"older", "1.host-1:2,S": b"newer"}


def test_no_such_maildir(tmp_path: Path) -> None:
    """A missing path and a folder that is no Maildir are told apart, each with the mend."""
    with pytest.raises(Misconfigured, match="no such folder"):
        MaildirMailbox("programme", tmp_path / "nowhere").check()
    with pytest.raises(Misconfigured, match="use folder:"):
        MaildirMailbox("programme", tmp_path).check()
