"""Logging in by the organisation's provider: OpenID Connect, with authlib (the extra ``oidc``).

The authorization code flow with PKCE, a state and a nonce; all three are sealed into a cookie of the browser that began,
and serve once. What the provider says is believed only from its ID token, whose signature (RS256 or ES256, never a
shared secret), issuer, audience, time and nonce are checked.

Whom it lets in: an account that is tied to the provider's name for the person, or else one with the address that the
provider vouches for, or else whoever stands in ``allowed``, for whom an account is made. The first login ties the
account to the person (issuer and subject), so that an address that is given to somebody else opens nothing.

An address is vouched for where ``email_verified`` says so. Microsoft says no such thing, and its ``email`` may be
anything that a user typed; there it is the user name, whose domain the tenant owns, and the issuer must be one tenant's.

What it does badly: who was shut out at the provider stays logged in here until the session ends; disable the account.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mailroom.errors import MailroomError, Misconfigured, Temporary
from store import Account, People, Role

__all__ = ["Begun", "Provider"]

log = logging.getLogger(__name__)
SHOWN = {"microsoft": "Microsoft", "google": "Google", "other": "your organisation's account"}
ALGORITHMS = ("RS256", "ES256")
LEEWAY = 60  # seconds that two clocks may differ
SECONDS = 10.0
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NO = "The provider's answer could not be used. Begin again; if it happens again, tell whoever runs mailroom here."


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """Where the browser goes, and what it takes along to bring back."""

    address: str
    kept: Mapping[str, str]


class Provider:
    """``secret`` gives the client's secret when it is needed; ``allowed`` has addresses, casefolded."""

    def __init__(
        self,
        kind: str,
        *,
        issuer: str,
        client_id: str,
        secret: Callable[[], str],
        allowed: Mapping[str, Role],
        ca_file: Path | None = None,
    ) -> None:
        if any(find_spec(package) is None for package in ("authlib", "requests")):
            raise Misconfigured("desk.oidc: needs the packages authlib and requests; install mailroom[oidc]")
        self.kind, self.issuer, self.client_id, self.secret, self.ca_file = kind, issuer.rstrip("/"), client_id, secret, ca_file
        self.allowed = {address.casefold(): role for address, role in allowed.items()}
        self.shown = SHOWN[kind]
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}  # what its discovery document says
        self._keys: dict[str, Any] = {}

    def role_of(self, email: str) -> Role | None:
        """What config.yaml allows an address to do; None where it stands not there."""
        return self.allowed.get(email.casefold())

    # --- there

    def begin(self, callback: str) -> Begun:
        state, nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(64)
        with self._client(callback) as client:
            address, _ = client.create_authorization_url(self._metadata()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier)
        return Begun(address=address, kept={"state": state, "nonce": nonce, "verifier": verifier})

    # --- and back

    def finish(self, query: Mapping[str, str], kept: Mapping[str, Any], callback: str, people: People, now: datetime) -> Account:
        """Whose account it is; MailroomError in words for whoever tried to log in."""
        if not compare_digest(query.get("state", "").encode(), str(kept["state"]).encode()):
            raise MailroomError(_NO)
        if "error" in query:
            denied = query["error"] in ("access_denied", "consent_required", "interaction_required", "login_required")
            raise MailroomError(f"{self.shown[:1].upper()}{self.shown[1:]} did not log you in." if denied else _NO)
        claims = self._claims(query.get("code", ""), kept, callback, now)
        return self._account(claims, people, now)

    def _claims(self, code: str, kept: Mapping[str, Any], callback: str, now: datetime) -> Mapping[str, Any]:
        from authlib.common.errors import AuthlibBaseError
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
        from requests import RequestException

        metadata = self._metadata()
        try:
            with self._client(callback) as client:
                token = client.fetch_token(metadata["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=kept["verifier"])
            decoded = None
            for fresh in (False, True):  # keys are changed now and then
                try:
                    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(self._key_set(fresh)), algorithms=list(ALGORITHMS))
                    break
                except (JoseError, ValueError):
                    if fresh:
                        raise
            assert decoded is not None  # noqa: S101 - else it was raised
            options: Any = {"iss": {"essential": True, "values": [metadata["issuer"]]}, "aud": {"essential": True, "values": [self.client_id]}}
            facts = {"nonce": kept["nonce"], "client_id": self.client_id, "access_token": token.get("access_token")}
            claims: Any = CodeIDToken(decoded.claims, decoded.header, options, facts)
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
        except RequestException as error:
            raise self._away(error) from error
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
            log.warning("desk.oidc: an answer of the provider was refused (%s)", type(error).__name__)
            raise MailroomError(_NO) from error
        return dict(claims)

    def _account(self, claims: Mapping[str, Any], people: People, now: datetime) -> Account:
        subject = f"{claims['iss']} {claims['sub']}"
        stranger = MailroomError("You are known there, but no account here goes with it. Whoever runs mailroom here can let you in.")
        account = people.by_subject(subject)
        if account is None:
            if (email := self._vouched_for(claims)) is None:
                raise stranger
            account = people.by_email(email)
            if account is None and (role := self.role_of(email)) is not None:
                shown = str(claims.get("name") or email)[:200]
                account = people.add(email, shown=shown, role=role, password=None, now=now, actor=email, email=email, subject=subject, by_provider=True)
            if account is None or not people.bind(account.name, subject, now):
                raise stranger
        if account.disabled_at is not None:
            raise stranger
        if account.by_provider:  # config.yaml rules over those that it made
            if (role := self.role_of(account.email or "")) is None:
                raise stranger
            people.set_role(account.name, role, now, actor=account.name)
        return account

    def _vouched_for(self, claims: Mapping[str, Any]) -> str | None:
        """The address that the provider vouches for, casefolded."""
        if self.kind == "microsoft":
            found = claims.get("email") if claims.get("xms_edov") in (True, 1, "1", "true") else claims.get("preferred_username")
        else:
            found = claims.get("email") if claims.get("email_verified") is True else None
        address = str(found or "").casefold()
        return address if re.fullmatch(r"[^@\s#]+@[^@\s#]+\.[^@\s#]+", address) else None  # «#EXT#» marks a guest of the tenant

    # --- what the provider says of itself

    def check(self) -> str:
        """Look whether the secret is there and the provider answers; Misconfigured or Temporary with the mend. For `mailroom check`."""
        self.secret()
        try:
            self._metadata()
        except MailroomError as error:
            if isinstance(error.__cause__, Misconfigured):
                raise error.__cause__ from None
            raise Temporary(f"desk.oidc.issuer: {self.issuer} cannot be reached, or has no discovery document ({type(error.__cause__).__name__})") from error
        return f"{self.issuer} answers; {len(self.allowed)} addresses get an account at their first login"

    def _client(self, callback: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        client = OAuth2Session(self.client_id, self.secret(), scope="openid email profile", redirect_uri=callback, code_challenge_method="S256")
        client.default_timeout, client.trust_env = SECONDS, False
        client.verify = str(self.ca_file) if self.ca_file is not None else True
        return client

    def _metadata(self) -> Mapping[str, Any]:
        with self._lock:
            if not self._told:
                told = self._fetched(f"{self.issuer}/.well-known/openid-configuration")
                if str(told.get("issuer", "")).rstrip("/") != self.issuer:
                    raise _unusable(f"desk.oidc.issuer: what answers at {self.issuer} calls itself otherwise; take the name that the provider gives")
                if not all(_safe(str(told.get(name, ""))) for name in _ENDPOINTS):
                    raise _unusable(f"desk.oidc.issuer: what answers at {self.issuer} names an address that is missing or not https")
                self._told = told
            return self._told

    def _key_set(self, fresh: bool) -> Any:
        address = self._metadata()["jwks_uri"]
        with self._lock:
            if fresh or not self._keys:
                self._keys = self._fetched(address)
            return self._keys

    def _fetched(self, address: str) -> dict[str, Any]:
        import requests

        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(address, timeout=SECONDS, allow_redirects=False, verify=str(self.ca_file) if self.ca_file is not None else True)
                answer.raise_for_status()
                found = answer.json()
        except requests.RequestException as error:
            raise self._away(error) from error
        if not isinstance(found, dict):
            raise MailroomError(_NO)
        return found

    def _away(self, error: Exception) -> MailroomError:
        log.warning("desk.oidc: %s cannot be reached (%s)", urlsplit(self.issuer).hostname, type(error).__name__)
        return MailroomError(f"{self.shown[:1].upper()}{self.shown[1:]} cannot be reached at this moment. Try it again in a minute, or log in with a password.")


def _unusable(why: str) -> MailroomError:
    """Words for whoever wanted to log in; the reason, for the operator, is its cause and stands in the log."""
    log.error("%s", why)
    error = MailroomError(_NO)
    error.__cause__ = Misconfigured(why)
    return error


def _safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
