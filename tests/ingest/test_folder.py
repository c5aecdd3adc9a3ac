"""What only a folder of .eml has: sub-folders, other files, names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.folder import FolderMailbox
from ingest.local import stable_uid
from mailroom.errors import Misconfigured, Temporary


def test_walks_and_takes_only_eml(tmp_path: Path) -> None:
    """.eml in any case and any depth; nothing else, and no name that begins with a dot."""
    for name in ("a.eml", "b.EML", "deep/er/c.eml", "notes.txt", ".hidden.eml", ".git/d.eml", "e.eml.part"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    with FolderMailbox("programme", tmp_path).connect() as session:
        assert sorted(a.content or b"" for a in session.fetch(session.uids())) == [b"a.eml", b"b.EML", b"deep/er/c.eml"]
        assert stable_uid(b"deep/er/c.eml") in session.uids()


def test_same_name_in_two_folders_is_two_messages(tmp_path: Path) -> None:
    """The path below the folder is the identity, not the bare name."""
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.eml").write_bytes(name.encode())
    with FolderMailbox("programme", tmp_path).connect() as session:
        assert len(session.uids()) == 2


def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    """A file name in another charset is as good as any."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.eml")).write_bytes(b"x")
    with FolderMailbox("programme", tmp_path).connect() as session:
        assert [a.content for a in session.fetch(session.uids())] == [b"x"]


def test_unreadable_file_harms_only_itself(tmp_path: Path) -> None:
    """A file that cannot be read is named at the end; the others are taken first."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.eml").write_bytes(name.encode())
    with FolderMailbox("programme", tmp_path).connect() as session:
        uids = session.uids()
        (tmp_path / "b.eml").unlink()
        (tmp_path / "b.eml").mkdir()  # no user can read a folder as a file, root included
        taken = []
        with pytest.raises(Temporary, match=r"1 message.*b\.eml"):
            for arrival in session.fetch(uids):
                taken.append(arrival.content)
    assert sorted(c or b"" for c in taken) == [b"a", b"c"]


def test_moving_keeps_the_relative_path(tmp_path: Path) -> None:
    """A settled file goes beside the folder, never into it, or it would be taken again."""
    (tmp_path / "mail" / "sub").mkdir(parents=True)
    (tmp_path / "mail" / "sub" / "a.eml").write_bytes(b"x")
    with FolderMailbox("programme", tmp_path / "mail", move_to="Processed").connect() as session:
        session.settle(session.uids())
        assert session.uids() == []
    assert (tmp_path / "Processed" / "sub" / "a.eml").read_bytes() == b"x"


def test_moving_into_itself_is_refused(tmp_path: Path) -> None:
    """The folder's own name as the target is a mistake in the configuration."""
    (tmp_path / "mail").mkdir()
    with pytest.raises(Misconfigured, match="itself"):
        FolderMailbox("programme", tmp_path / "mail", move_to="mail").check()


def test_no_such_folder(tmp_path: Path) -> None:
    """Named, with the mend."""
    with pytest.raises(Misconfigured, match="nowhere: no such folder"):
        FolderMailbox("programme", tmp_path / "nowhere").check()
