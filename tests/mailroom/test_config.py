"""config.yaml is validated, every mistake says where it is, and every key is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from mailroom.config import Config, Secret, data_folder, find_config, load_config
from mailroom.errors import Misconfigured

GOOD = """\
mailboxes:
  - name: programme
    imap: {host: mail.example, user: car, password: {env: PW}}
replies:
  from: "Action Research <car@union.example>"
"""


def load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def test_shipped_template_is_valid_and_holds_replies() -> None:
    config = load_config(data_folder() / "config.yaml")
    assert config.replies.mode == "hold"
    assert config.mailboxes[0].after == "leave"


def test_new_installation_holds_replies_and_keeps_mail(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert (config.replies.mode, config.mailboxes[0].move_to, config.mailboxes[0].imap.tls) == ("hold", None, "implicit")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("host:", "hots:"), r"line 3: mailboxes\.0\.imap\.hots: unknown key; did you mean «host»"),
        (GOOD.replace("name: programme", "nmae: programme"), r"line 2: mailboxes\.0\.nmae: unknown key; did you mean «name»"),
        (GOOD.replace("{env: PW}", "hunter2"), r"line 3: mailboxes\.0\.imap\.password: a secret does not stand in this file"),
        (GOOD.replace("{env: PW}", "{}"), r"give one of env or file"),
        (GOOD + "  mode: sent\n", r"line 6: replies\.mode: .*'hold' or 'send'"),
        (GOOD + "  mode: send\n", r"mode: send needs smtp"),
        (GOOD.replace("car@union.example", "nobody"), r"line 5: replies\.from: should be an address"),
        (GOOD.replace("user: car,", "user: car, timeout: soon,"), r"timeout: should be a duration such as 60s"),
        (GOOD.replace("user: car,", "user: car, tls: maybe,"), r"tls: Input should be 'none', 'starttls' or 'implicit'"),
        (GOOD.replace("    imap:", "    maildir: mail\n    imap:"), r"give one of imap, maildir or folder"),
        (GOOD.replace("replies:", "  - name: programme\n    folder: mail\nreplies:"), r"two mailboxes are called «programme»"),
        (GOOD + "  not_before: 2022-01-01\n", r"line 6: replies\.not_before"),
        ("mailboxes: [\n", r"line \d+: not valid YAML"),
        ("- a\n", r"line 1: should hold keys such as mailboxes"),
        ("mailboxes: []\nreplies: {from: a@b.example}\n", r"line 1: mailboxes: .*at least 1"),
    ],
)
def test_mistake_names_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        load(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path, GOOD.replace("host:", "hots:") + "  mode: sent\n")
    assert len(str(caught.value).splitlines()) == 3  # the unknown key, the one that is missing for it, the mode


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD + 'store: {url: "sqlite:///register.db"}\nprogramme: {schools: [lists/a.csv]}\n')
    assert config.store.url == f"sqlite:///{tmp_path.resolve()}/register.db"
    assert config.programme.schools == (tmp_path.resolve() / "lists/a.csv",)


def test_shipped_programme_serves_where_no_folder_of_that_name_stands(tmp_path: Path) -> None:
    text = GOOD + "programme: {folder: programme}\n"
    assert load(tmp_path, text).programme.folder == data_folder() / "programme"
    (tmp_path / "programme").mkdir()
    assert load(tmp_path, text).programme.folder == tmp_path.resolve() / "programme"


def test_secret_is_read_only_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("two words \n")
    assert Secret(file=tmp_path / "pw").reveal() == "two words "
    monkeypatch.setenv("PW", "x")
    assert Secret(env="PW").reveal() == "x"
    monkeypatch.delenv("PW")
    with pytest.raises(Misconfigured, match="environment variable PW is not set"):
        Secret(env="PW").reveal()
    with pytest.raises(Misconfigured, match=r"nothere: No such file"):
        Secret(file=tmp_path / "nothere").reveal()


def test_missing_file_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Misconfigured, match="mailroom init"):
        find_config(None)


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        found.add(key)
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= keys_of(part, key + ".")
    return found


def test_every_key_is_documented_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", text, re.M))
    assert documented == keys_of(Config)
