"""What Maildir and folder have in common: uids from names, moving without loss."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import ingest.local
from ingest.folder import FolderMailbox
from ingest.local import Entry, assign_uids, move_file, safe_name, stable_uid
from mailroom.errors import Misconfigured


def test_uid_is_fixed_for_ever() -> None:
    """The ledger keeps these numbers: another way of computing them would take all mail again."""
    assert stable_uid(b"1737500001.M1.host") == 3963846424369178702
    assert stable_uid(b"a.eml") != stable_uid(b"a.eml", 1)


def test_collision_keeps_every_message_and_the_older_uid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all names have the same bits, each file still has a uid, and a newcomer does not take an old one's."""
    monkeypatch.setattr(ingest.local, "stable_uid", lambda key, attempt=0: 7 + attempt)
    old = [Entry(name.encode(), tmp_path / name) for name in ("m", "z")]
    for time, entry in enumerate(old, 1000):
        entry.path.write_bytes(b"x")
        os.utime(entry.path, (time, time))
    before = assign_uids(iter(old))
    assert before == {7: old[0], 8: old[1]}
    new = Entry(b"a", tmp_path / "a")
    new.path.write_bytes(b"x")
    os.utime(new.path, (2000, 2000))
    assert assign_uids(iter([new, *old])) == {**before, 9: new}


def test_file_seen_twice_while_it_was_renamed_counts_once(tmp_path: Path) -> None:
    """The name that is gone is left out; two files that are both there both count."""
    there = Entry(b"k", tmp_path / "k:2,S")
    there.path.write_bytes(b"x")
    assert assign_uids(iter([Entry(b"k", tmp_path / "k"), there])) == {stable_uid(b"k"): there}
    (tmp_path / "k").write_bytes(b"y")
    assert len(assign_uids(iter([Entry(b"k", tmp_path / "k"), there]))) == 2


@pytest.mark.parametrize("links", [True, False], ids=["by link", "by copy"])
def test_moving_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """A taken name gets a number; content and time go along."""
    if not links:

        def no_link(*_: object) -> None:
            raise OSError(errno.EXDEV, "other file system")

        monkeypatch.setattr(ingest.local.os, "link", no_link)
    targets = []
    for content in (b"first", b"second", b"third"):
        source = tmp_path / "a.eml"
        source.write_bytes(content)
        os.utime(source, (1000, 1000))
        targets.append(move_file(source, tmp_path / "done" / "a.eml"))
        assert not source.exists()
    assert [path.name for path in targets] == ["a.eml", "a-1.eml", "a-2.eml"]
    assert [path.read_bytes() for path in targets] == [b"first", b"second", b"third"]
    assert {path.stat().st_mtime for path in targets} == {1000}


@pytest.mark.parametrize("name", ["..", "../out", "a/../b", "/etc", "", ".hidden", "a//b"])
def test_move_target_stays_beside_the_mailbox(tmp_path: Path, name: str) -> None:
    """A name that would lead elsewhere is a mistake in the configuration."""
    with pytest.raises(Misconfigured, match="after: move"):
        FolderMailbox("programme", tmp_path, move_to=name)


def test_plain_and_nested_names_are_allowed() -> None:
    """Ordinary folder names pass."""
    assert safe_name("Processed/2022") == "Processed/2022"


def test_uidvalidity_follows_the_folder_not_its_spelling(tmp_path: Path) -> None:
    """Another spelling of the same folder is the same mailbox; another folder is not."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    validity = {}
    for path in ("one", "two", "link", "two/../one"):
        with FolderMailbox("programme", tmp_path / path).connect() as session:
            validity[path] = session.uidvalidity
    assert validity["one"] == validity["link"] == validity["two/../one"] != validity["two"]
    assert 0 < validity["one"] < 2**31
