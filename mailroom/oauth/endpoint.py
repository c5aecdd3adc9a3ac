"""A token endpoint by the standard alone (RFC 6749): client credentials, a refresh token, an authorization code.

The client shows its secret by HTTP Basic, which every server must take (section 2.3.1); to Google's, which asks for it so, in the
form. Answers are bounded in size and time, redirects are not followed (a secret goes where the operator said, nowhere else), and
what the endpoint says is put into words by ``mailroom.oauth.faults``.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from mailroom import __version__
from mailroom.errors import Misconfigured
from mailroom.oauth.faults import Profile, not_oauth, request_refused, unreachable
from mailroom.oauth.source import Issued

if TYPE_CHECKING:
    from mailroom.config import OAuth2Config

__all__ = ["Endpoint", "ask"]

LONGEST = 1_000_000  # octets of an answer
HOUR = 3600


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(address: str, form: dict[str, str], config: OAuth2Config, profile: Profile) -> Issued:
    """POST a form to a token endpoint, with the client's id and secret, and read the answer."""
    form, headers, ca_file = dict(form), {"Accept": "application/json", "User-Agent": f"mailroom/{__version__}"}, config.ca_file
    client_id = config.client_id or ""
    if config.client_secret is None:
        form["client_id"] = client_id
    elif config.provider == "google":
        form |= {"client_id": client_id, "client_secret": config.client_secret.reveal()}
    else:
        pair = f"{quote_plus(client_id)}:{quote_plus(config.client_secret.reveal())}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"oauth2.ca_file {ca_file}: cannot be read as certificates in PEM form ({error})") from error
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
    request = urllib.request.Request(  # noqa: S310 - https, or loopback: validated in mailroom.config
        address, data=urlencode(form).encode(), headers=headers
    )
    try:
        try:
            with opener.open(request, timeout=config.timeout.total_seconds()) as answer:
                status, content = answer.status, answer.read(LONGEST)
        except urllib.error.HTTPError as error:
            with error:
                status, content = error.code, error.read(LONGEST)
    except ssl.SSLCertVerificationError as error:
        raise _refused_certificate(profile, error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _refused_certificate(profile, error.reason) from error
        raise unreachable(profile, error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise unreachable(profile, error) from error
    return _read(status, content, profile)


def _refused_certificate(profile: Profile, error: ssl.SSLCertVerificationError) -> Misconfigured:
    return Misconfigured(
        f"{profile.endpoint}: the certificate of the token endpoint is refused ({error.verify_message}); name the authority that signed it in oauth2.ca_file"
    )


def _read(status: int, content: bytes, profile: Profile) -> Issued:
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if status >= 500 or status == 429:
        raise unreachable(profile, f"HTTP {status}")
    if not isinstance(said, dict):
        raise not_oauth(profile, f"HTTP {status}, no JSON object")
    if isinstance(error := said.get("error"), str):
        raise request_refused(profile, error, str(said.get("error_description") or ""))
    token, lifetime = said.get("access_token"), said.get("expires_in", HOUR)
    if status != 200 or not isinstance(token, str) or not token.isascii() or str(said.get("token_type", "bearer")).lower() != "bearer":
        raise not_oauth(profile, f"HTTP {status}, no bearer token")
    try:
        seconds = float(lifetime)
    except (TypeError, ValueError):
        seconds = HOUR
    renewed, scope = said.get("refresh_token"), said.get("scope")
    return Issued(
        access_token=token,
        lifetime=timedelta(seconds=seconds),
        refresh_token=renewed if isinstance(renewed, str) else None,
        scope=scope if isinstance(scope, str) else None,
    )


class Endpoint:
    """An issuer for any provider that keeps to the standard."""

    def __init__(self, config: OAuth2Config, profile: Profile) -> None:
        self._config, self._profile = config, profile

    def issue(self, refresh_token: str | None) -> Issued:
        config = self._config
        form = {"grant_type": "client_credentials"} if refresh_token is None else {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if config.scope:
            form["scope"] = " ".join(config.scope)
        assert config.token_endpoint is not None  # noqa: S101 - validated
        return ask(config.token_endpoint, form, config, self._profile)
