"""Tokens from Microsoft's, Google's and a plain endpoint: our own on loopback, asked by the real libraries."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mailroom.config import CertificateConfig, OAuth2Config, Secret
from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.oauth import mailbox_login, make_issuer, make_profile
from mailroom.oauth.certificate import load_certificate
from mailroom.oauth.source import Issued
from tests.fixtures.certificates import make_application_certificate
from tests.fixtures.token_endpoint import CLIENT, SECRET, TENANT, TokenEndpoint


def ask(config: OAuth2Config, refresh_token: str | None = None, user: str = "car") -> Issued:
    login = mailbox_login("programme", user, config)
    return make_issuer(login, make_profile(login)).issue(refresh_token)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], Secret]:
    def make(value: str) -> Secret:
        path = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        path.write_text(value + "\n", encoding="utf-8")
        return Secret(file=path)

    return make


def microsoft(endpoint: TokenEndpoint, **changes: Any) -> OAuth2Config:
    return OAuth2Config(
        **{"provider": "microsoft", "tenant": TENANT, "client_id": CLIENT, "authority": endpoint.tls_url, "ca_file": endpoint.ca_file, "timeout": 5, **changes}
    )


# --- Microsoft


def test_a_client_secret_gets_a_token_for_exchange(token_endpoint: TokenEndpoint, secret: Callable[[str], Secret]) -> None:
    issued = ask(microsoft(token_endpoint, client_secret=secret(SECRET)))
    assert token_endpoint.takes("car", issued.access_token)
    assert (issued.lifetime, issued.refresh_token) == (timedelta(hours=1), None)
    assert token_endpoint.requests[0]["scope"] == "https://outlook.office365.com/.default"


def test_a_new_request_is_made_each_time(token_endpoint: TokenEndpoint, secret: Callable[[str], Secret]) -> None:
    """msal's own cache would give the refused token again."""
    login = mailbox_login("programme", "car", microsoft(token_endpoint, client_secret=secret(SECRET)))
    issuer = make_issuer(login, make_profile(login))
    assert issuer.issue(None).access_token != issuer.issue(None).access_token
    token_endpoint.refuse("invalid_client", "AADSTS7000222: expired")
    with pytest.raises(Misconfigured):
        issuer.issue(None)
    assert issuer.issue(None).access_token


@pytest.mark.parametrize("form", ["one file", "two files", "pfx"])
def test_a_certificate_signs_for_the_application(token_endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret], form: str) -> None:
    pem, key_pem = make_application_certificate(tmp_path)
    token_endpoint.certificate = pem
    (tmp_path / "cert.pem").write_bytes(pem)
    (tmp_path / "key.pem").write_bytes(key_pem)
    certificate = {
        "one file": CertificateConfig(file=tmp_path / "app.pem"),
        "two files": CertificateConfig(file=tmp_path / "cert.pem", key=tmp_path / "key.pem"),
        "pfx": CertificateConfig(file=tmp_path / "app.pfx", password=secret("pfx-pw")),
    }[form]
    issued = ask(microsoft(token_endpoint, certificate=certificate))
    assert token_endpoint.takes("car", issued.access_token)
    assert "client_secret" not in token_endpoint.requests[0]


def test_a_certificate_that_was_not_uploaded_is_said(token_endpoint: TokenEndpoint, tmp_path: Path) -> None:
    token_endpoint.certificate, _ = make_application_certificate(tmp_path)
    make_application_certificate(tmp_path)
    with pytest.raises(Misconfigured, match="upload this very certificate"):
        ask(microsoft(token_endpoint, certificate=CertificateConfig(file=tmp_path / "app.pem")))


def test_an_encrypted_key_needs_its_password(tmp_path: Path, secret: Callable[[str], Secret]) -> None:
    pem, _ = make_application_certificate(tmp_path)
    with pytest.raises(Misconfigured, match=r"certificate\.password"):
        load_certificate(CertificateConfig(file=tmp_path / "app.pfx", password=secret("wrong")))
    (tmp_path / "cert.pem").write_bytes(pem)
    with pytest.raises(Misconfigured, match=r"certificate and key"):
        load_certificate(CertificateConfig(file=tmp_path / "cert.pem"))
    make_application_certificate(tmp_path)
    with pytest.raises(Misconfigured, match="belongs to another certificate"):
        load_certificate(CertificateConfig(file=tmp_path / "cert.pem", key=tmp_path / "app.pem"))
    make_application_certificate(tmp_path, key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Misconfigured, match="RSA key"):
        load_certificate(CertificateConfig(file=tmp_path / "app.pem"))
    with pytest.raises(Misconfigured, match="No such file"):
        load_certificate(CertificateConfig(file=tmp_path / "none.pem"))


def test_a_refresh_keeps_the_scope_and_hands_on_the_new_refresh_token(token_endpoint: TokenEndpoint, tmp_path: Path) -> None:
    """Microsoft refuses a refresh without a scope, and gives a new refresh token for the old."""
    old = token_endpoint.new_refresh_token()
    issued = ask(microsoft(token_endpoint, token_file=tmp_path / "t"), old)
    assert token_endpoint.takes("car", issued.access_token)
    assert token_endpoint.refresh == {old: "spent", issued.refresh_token: "good"}
    scope = token_endpoint.requests[0]["scope"].split()
    assert {"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send", "offline_access"} <= set(scope)
    with pytest.raises(Misconfigured, match="sign in again with «mailroom sign-in»"):
        ask(microsoft(token_endpoint, token_file=tmp_path / "t"), old)


def test_what_is_wrong_with_the_settings_is_told_apart(token_endpoint: TokenEndpoint, secret: Callable[[str], Secret]) -> None:
    good = {"client_secret": secret(SECRET)}
    for changes, words in (
        ({"client_secret": secret("guess")}, "not to its ID"),
        ({**good, "tenant": "nobody.example"}, "no tenant «nobody.example»"),
        ({**good, "client_id": "someone-else"}, "application someone-else is not known in tenant"),
        ({**good, "scope": ("https://graph.microsoft.com/.default",)}, "leave scope out"),
    ):
        with pytest.raises(Misconfigured, match=words) as raised:
            ask(microsoft(token_endpoint, **changes))
        assert SECRET not in str(raised.value)
    token_endpoint.refuse("invalid_client", "AADSTS7000222: The provided client secret keys for app are expired.", status=401)
    with pytest.raises(Misconfigured, match="the client secret has expired; make a new one"):
        ask(microsoft(token_endpoint, **good))


def every_provider(endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret]) -> dict[str, OAuth2Config]:
    plain: dict[str, Any] = {"client_id": CLIENT, "client_secret": secret(SECRET), "token_endpoint": f"{endpoint.url}/token"}
    return {
        "microsoft": microsoft(endpoint, client_secret=secret(SECRET)),
        "google": OAuth2Config(provider="google", token_file=tmp_path / "t", **plain),
        "other": OAuth2Config(provider="other", **plain),
    }


def away(endpoint: TokenEndpoint) -> None:
    endpoint.silent = True


def failing(endpoint: TokenEndpoint) -> None:
    endpoint.raw = (503, b"<html>Service Unavailable</html>")


def gateway(endpoint: TokenEndpoint) -> None:
    endpoint.raw = (200, b"<html>Log in to the hotel's network</html>")


def slow(endpoint: TokenEndpoint) -> None:
    endpoint.pause = 2.0


@pytest.mark.parametrize("trouble", [away, failing, gateway, slow])
@pytest.mark.parametrize("provider", ["microsoft", "google", "other"])
def test_an_endpoint_in_trouble_is_tried_again_later(
    token_endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret], trouble: Callable[[TokenEndpoint], None], provider: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("google.auth._exponential_backoff.time", SimpleNamespace(sleep=lambda _: None))  # it waits between its attempts
    configs = every_provider(token_endpoint, tmp_path, secret)
    trouble(token_endpoint)
    if trouble is slow:
        configs = {name: config.model_copy(update={"timeout": timedelta(seconds=0.3)}) for name, config in configs.items()}
    with pytest.raises(Temporary, match=r"127\.0\.0\.1:\d+: .*tried again later"):
        ask(configs[provider], "r" if provider == "google" else None)


def test_an_authority_that_vouches_for_itself_is_not_believed(token_endpoint: TokenEndpoint, secret: Callable[[str], Secret]) -> None:
    with pytest.raises(Misconfigured, match=r"certificate of the token endpoint is refused.*oauth2\.ca_file"):
        ask(microsoft(token_endpoint, client_secret=secret(SECRET), ca_file=None))
    with pytest.raises(Misconfigured, match=r"certificate of the token endpoint is refused.*oauth2\.ca_file"):
        ask(OAuth2Config(provider="other", client_id=CLIENT, client_secret=secret(SECRET), token_endpoint=f"{token_endpoint.tls_url}/token"))
    assert token_endpoint.requests == []


def test_nobody_listens(secret: Callable[[str], Secret]) -> None:
    config = OAuth2Config(provider="other", client_id=CLIENT, client_secret=secret(SECRET), token_endpoint="http://127.0.0.1:1/token")
    with pytest.raises(Temporary, match=r"127\.0\.0\.1:1: the token endpoint cannot be reached"):
        ask(config)


# --- Google


@pytest.fixture
def service_account(token_endpoint: TokenEndpoint, tmp_path: Path) -> dict[str, Any]:
    key = rsa.generate_private_key(65537, 2048)
    token_endpoint.service_key = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    facts = {
        "type": "service_account",
        "client_id": "1234567890",
        "client_email": "mailroom@project.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": pem,
        "token_uri": f"{token_endpoint.url}/token",
    }
    (tmp_path / "service.json").write_text(json.dumps(facts))
    return facts


def test_a_service_account_acts_for_the_mailbox(token_endpoint: TokenEndpoint, tmp_path: Path, service_account: dict[str, Any]) -> None:
    config = OAuth2Config(provider="google", service_account=tmp_path / "service.json")
    issued = ask(config, user="car")
    assert token_endpoint.takes("car", issued.access_token)
    assert timedelta(minutes=59) < issued.lifetime <= timedelta(hours=1)
    with pytest.raises(Misconfigured, match="no such mailbox"):
        ask(config, user="nobody@union.example")
    with pytest.raises(Misconfigured, match="Domain-wide delegation, add client 1234567890"):
        ask(config.model_copy(update={"scope": ("https://www.googleapis.com/auth/gmail.readonly",)}))
    token_endpoint.service_key = (
        rsa.generate_private_key(65537, 2048).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(Misconfigured, match="key is not accepted"):
        ask(config)


def test_each_mailbox_of_a_service_account_has_its_own_token(token_endpoint: TokenEndpoint, tmp_path: Path, service_account: dict[str, Any]) -> None:
    from mailroom.oauth import TokenSources

    sources, config = TokenSources(), OAuth2Config(provider="google", service_account=tmp_path / "service.json")
    assert sources.of(mailbox_login("a", "car", config)) is sources.of(mailbox_login("b", "car", config))
    assert sources.of(mailbox_login("a", "car", config)) is not sources.of(mailbox_login("a", "other", config))


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "authorized_user"}', '{"type": "service_account", "private_key": "x"}'])
def test_a_file_that_is_no_key_of_a_service_account(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "service.json").write_text(content)
    with pytest.raises(Misconfigured, match=r"oauth2\.service_account"):
        ask(OAuth2Config(provider="google", service_account=tmp_path / "service.json"))


def test_a_google_sign_in_is_refreshed(token_endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret]) -> None:
    config = OAuth2Config(
        provider="google", client_id=CLIENT, client_secret=secret(SECRET), token_file=tmp_path / "t", token_endpoint=f"{token_endpoint.url}/token"
    )
    issued = ask(config, token_endpoint.new_refresh_token())
    assert token_endpoint.takes("car", issued.access_token)
    with pytest.raises(Misconfigured, match="seven days"):
        ask(config, "long gone")
    token_endpoint.granted = "openid https://www.googleapis.com/auth/userinfo.email"
    with pytest.raises(Misconfigured, match="the permission for mail was not given"):
        ask(config, token_endpoint.new_refresh_token())


# --- by the standard alone


def test_a_plain_endpoint_gives_tokens_for_a_secret_and_for_a_refresh_token(
    token_endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret]
) -> None:
    address = f"{token_endpoint.url}/token"
    issued = ask(OAuth2Config(provider="other", client_id=CLIENT, client_secret=secret(SECRET), token_endpoint=address, scope="imap smtp"))  # type: ignore[arg-type]
    assert token_endpoint.takes("car", issued.access_token)
    assert token_endpoint.requests[0]["scope"] == "imap smtp"
    public = OAuth2Config(provider="other", client_id=CLIENT, token_endpoint=address, token_file=tmp_path / "t")
    issued = ask(public, token_endpoint.new_refresh_token())
    assert token_endpoint.takes("car", issued.access_token)
    assert issued.refresh_token is not None
    with pytest.raises(Misconfigured, match="mailroom sign-in"):
        ask(public, "spent")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b'{"access_token": "x", "token_type": "mac"}'),
        (200, b'{"access_token": 7}'),
        (201, b'{"access_token": "x"}'),
        (302, b""),
        (404, b"not here"),
        (200, b"[]"),
    ],
)
def test_an_answer_that_is_no_token_is_none(token_endpoint: TokenEndpoint, secret: Callable[[str], Secret], status: int, content: bytes) -> None:
    token_endpoint.raw = (status, content)
    with pytest.raises(Temporary, match="none of a token endpoint"):
        ask(OAuth2Config(provider="other", client_id=CLIENT, client_secret=secret(SECRET), token_endpoint=f"{token_endpoint.url}/token"))


@pytest.mark.parametrize("provider", ["microsoft", "google", "other"])
def test_a_redirect_is_not_followed(token_endpoint: TokenEndpoint, tmp_path: Path, secret: Callable[[str], Secret], provider: str) -> None:
    """The secret goes where the operator said, and nowhere else."""
    token_endpoint.redirect = f"{token_endpoint.url}/elsewhere"
    with pytest.raises(Temporary, match="none of a token endpoint"):
        ask(every_provider(token_endpoint, tmp_path, secret)[provider], "r" if provider == "google" else None)
    assert "/elsewhere" not in token_endpoint.visited
    assert token_endpoint.visited[-1].endswith("/token")


# --- without the extras


@pytest.mark.parametrize(("provider", "package"), [("microsoft", "msal"), ("google", "google")])
def test_a_missing_package_is_named(token_endpoint: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, package: str) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    config = (
        microsoft(token_endpoint, token_file=tmp_path / "t")
        if provider == "microsoft"
        else OAuth2Config(provider="google", client_id=CLIENT, client_secret=Secret(env="X"), token_file=tmp_path / "t")
    )
    with pytest.raises(MailroomError, match=rf"pip install '\.\[{provider}\]'"):
        ask(config, "r")


def test_neither_package_is_loaded_where_nobody_asks_for_it() -> None:
    code = "import sys, mailroom.assemble, mailroom.cli; print([m for m in ('msal', 'google.auth', 'cryptography') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]).stdout == "[]\n"
