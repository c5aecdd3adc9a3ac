"""OAuth 2.0 for IMAP and SMTP: from the settings to one source of tokens for all that log in alike.

sasl (leaf)     the octets of XOAUTH2 and OAUTHBEARER; the protocol that stages are handed
source          the cache, the margin, one request for all who wait
tokenfile       what a user's sign-in gave, on disk
microsoft, google, endpoint    who is asked
faults          what they answer, in words
signin, expiry  `mailroom sign-in`; the dates of secrets and certificates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from mailroom.oauth.faults import Grant, Profile
from mailroom.oauth.google import TOKEN_ENDPOINT, Google, service_account_facts
from mailroom.oauth.microsoft import AUTHORITY, Microsoft
from mailroom.oauth.source import Issuer, TokenSource

if TYPE_CHECKING:
    from mailroom.config import Config, OAuth2Config

__all__ = ["Login", "TokenSources", "logins", "mailbox_login", "make_issuer", "make_profile", "sending_login"]


class Login(NamedTuple):
    """A place of config.yaml that logs in by OAuth 2.0."""

    name: str  # the mailbox's, or «sending»
    key: str
    user: str
    oauth2: OAuth2Config


def mailbox_login(name: str, user: str, oauth2: OAuth2Config) -> Login:
    return Login(name, f"mailbox {name}, imap.oauth2", user, oauth2)


def sending_login(user: str, oauth2: OAuth2Config) -> Login:
    return Login("sending", "replies.smtp.oauth2", user, oauth2)


def logins(config: Config) -> Iterator[Login]:
    for mailbox in config.mailboxes:
        if mailbox.imap is not None and mailbox.imap.oauth2 is not None:
            yield mailbox_login(mailbox.name, mailbox.imap.user, mailbox.imap.oauth2)
    smtp = config.replies.smtp
    if smtp is not None and smtp.oauth2 is not None:
        yield sending_login(smtp.user or "", smtp.oauth2)


def make_profile(login: Login) -> Profile:
    config, delegated = login.oauth2, login.oauth2.delegated
    grant: Grant = "delegated" if delegated else "application"
    if config.provider == "microsoft":
        authority, tenant = (config.authority or AUTHORITY).rstrip("/"), config.tenant or ""
        return Profile(
            provider="microsoft",
            grant=grant,
            key=login.key,
            client_id=config.client_id or "",
            tenant=tenant,
            endpoint=_host(authority),
            issued_for=f"{authority}/{tenant} {config.client_id}",
            imap_permission="IMAP.AccessAsUser.All" if delegated else "IMAP.AccessAsApp",
            smtp_permission="SMTP.Send" if delegated else "SMTP.SendAsApp",
        )
    if config.service_account is not None:
        facts = service_account_facts(config)
        return Profile(
            provider="google",
            grant=grant,
            key=login.key,
            client_id=str(facts.get("client_id") or facts.get("client_email") or ""),
            endpoint=_host(str(facts.get("token_uri") or TOKEN_ENDPOINT)),
        )
    address = config.token_endpoint or TOKEN_ENDPOINT
    return Profile(
        provider=config.provider,
        grant=grant,
        key=login.key,
        client_id=config.client_id or "",
        endpoint=_host(address),
        issued_for=f"{address} {config.client_id}",
    )


def _host(address: str) -> str:
    return urlsplit(address).netloc or address


def make_issuer(login: Login, profile: Profile) -> Issuer:
    if login.oauth2.provider == "microsoft":
        return Microsoft(login.oauth2, profile)
    if login.oauth2.provider == "google":
        return Google(login.oauth2, profile, login.user)
    from mailroom.oauth.endpoint import Endpoint

    return Endpoint(login.oauth2, profile)


class TokenSources:
    """One source for each set of credentials, whoever logs in with it. Holds no connection."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._sources: dict[object, TokenSource] = {}

    def of(self, login: Login) -> TokenSource:
        # A service account asks for a token in the name of one mailbox; every other token serves all.
        key = (login.oauth2, login.user if login.oauth2.service_account is not None else None)
        if key not in self._sources:
            from mailroom.oauth.tokenfile import TokenFile

            profile = make_profile(login)
            file = TokenFile(login.oauth2.token_file) if login.oauth2.token_file is not None else None
            self._sources[key] = TokenSource(make_issuer(login, profile), profile, file=file, now=self._now)
        return self._sources[key]
