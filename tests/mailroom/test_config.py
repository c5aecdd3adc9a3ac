"""config.yaml is validated, every mistake says where it is, and every key is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from mailroom.config import Config, OAuth2Config, Secret, data_folder, find_config, load_config
from mailroom.errors import Misconfigured
from mailroom.oauth import TokenSources, logins

GOOD = """\
mailboxes:
  - name: programme
    imap: {host: mail.example, user: car, password: {env: PW}}
replies:
  from: "Action Research <car@union.example>"
"""
OAUTH2 = GOOD.replace("password: {env: PW}", "oauth2: {provider: microsoft, tenant: t, client_id: c, client_secret: {env: S}}")


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
        (GOOD.replace("password: {env: PW}", "timeout: 5s"), r"line 3: mailboxes\.0\.imap: give one of password and oauth2"),
        (OAUTH2.replace("oauth2:", "password: {env: PW}, oauth2:"), r"line 3: mailboxes\.0\.imap: give one of password and oauth2, not both"),
        (
            OAUTH2.replace("tenant: t, ", ""),
            r"line 3: mailboxes\.0\.imap\.oauth2: provider microsoft takes one of these together: client_id, client_secret, tenant; or",
        ),
        (OAUTH2.replace("tenant: t,", "tenant: t, token_endpoint: 'https://x.example',"), r"oauth2: provider microsoft .*; it has no token_endpoint"),
        (OAUTH2.replace("tenant: t,", "tenant: t, token_file: t,"), r"oauth2: provider microsoft takes one of these together"),
        (OAUTH2.replace("microsoft", "yahoo"), r"oauth2\.provider: .*'microsoft', 'google' or 'other'"),
        (OAUTH2.replace("client_secret: {env: S}", "client_secret: hunter2"), r"oauth2\.client_secret: a secret does not stand in this file"),
        (OAUTH2.replace("tenant: t", "tennant: t"), r"line 3: mailboxes\.0\.imap\.oauth2\.tennant: unknown key; did you mean «tenant»"),
        (OAUTH2.replace("tenant: t", "tenant: 'a/b'"), r"oauth2\.tenant: "),
        (OAUTH2.replace("tenant: t,", "tenant: t, authority: 'http://login.example',"), r"oauth2\.authority: should be an address that begins with https://"),
        (OAUTH2.replace("tenant: t,", "tenant: t, expires: soon,"), r"oauth2\.expires: "),
        (OAUTH2.replace("client_secret: {env: S}", "certificate: {file: c.pem}, expires: 2027-05-01"), r"oauth2: expires is the client secret's date"),
        (OAUTH2.replace("user: car,", "user: car, tls: none,"), r"imap: oauth2 needs an encrypted connection"),
        (GOOD + "  smtp: {host: m.example, oauth2: {provider: google, service_account: s.json}}\n", r"smtp: user and password \(or oauth2\) belong together"),
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


def test_the_ways_of_signing_in_are_valid_and_their_paths_relative_to_the_file(tmp_path: Path) -> None:
    for oauth2 in (
        "provider: microsoft, tenant: t, client_id: c, client_secret: {file: secret}, expires: 2027-05-01",
        "provider: microsoft, tenant: t, client_id: c, certificate: {file: cert.pem, key: key.pem, password: {file: pw}}",
        "provider: microsoft, tenant: t, client_id: c, token_file: car.token",
        "provider: google, service_account: service.json",
        "provider: google, client_id: c, client_secret: {file: secret}, token_file: car.token",
        "provider: other, client_id: c, client_secret: {env: S}, token_endpoint: 'https://id.example/token', scope: a b",
        "provider: other, client_id: c, token_file: car.token, token_endpoint: 'http://127.0.0.1:80/token'",
    ):
        config = load(tmp_path, GOOD.replace("password: {env: PW}", f"oauth2: {{{oauth2}}}"))
        imap = config.mailboxes[0].imap
        assert imap is not None
        assert imap.oauth2 is not None
        assert imap.oauth2.delegated == ("token_file" in oauth2)
        for path in (imap.oauth2.token_file, imap.oauth2.service_account, imap.oauth2.certificate and imap.oauth2.certificate.key):
            assert path is None or path.parent == tmp_path


def test_one_block_of_yaml_serves_both_and_both_share_one_source(tmp_path: Path) -> None:
    block = "oauth2: &car {provider: other, client_id: c, client_secret: {env: S}, token_endpoint: 'https://id.example/token'}"
    config = load(tmp_path, GOOD.replace("password: {env: PW}", block) + "  smtp: {host: m.example, user: car, oauth2: *car}\n")
    sources = TokenSources()
    first, second = logins(config)
    assert (first.name, second.name) == ("programme", "sending")
    assert sources.of(first) is sources.of(second)


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
                # The keys of oauth2 are the same in both places, and stand in a table of their own.
                found |= keys_of(part, "oauth2." if part is OAuth2Config else key + ".")
    return found


def test_every_key_is_documented_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", text, re.M))
    assert documented == keys_of(Config)
