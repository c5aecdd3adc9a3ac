"""Access tokens of Microsoft 365, by `msal` (extra «microsoft»): an application's secret or certificate, or a user's sign-in.

Each request makes a client of its own: the cache is ours (``mailroom.oauth.source``), and msal would otherwise answer a
request for a new token from its own, or hold back a request that follows a refused one. Microsoft wants the scope with
every refresh; msal sends it.

What it does badly: a client asks for the tenant's metadata first, so a token costs two requests, about once an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mailroom.errors import Misconfigured
from mailroom.oauth.faults import Profile, not_oauth, request_refused, unreachable
from mailroom.oauth.session import session_for, transport_fault
from mailroom.oauth.source import Issued

if TYPE_CHECKING:
    from mailroom.config import OAuth2Config

__all__ = ["APPLICATION_SCOPE", "AUTHORITY", "DELEGATED_SCOPES", "Microsoft"]

AUTHORITY = "https://login.microsoftonline.com"
APPLICATION_SCOPE = "https://outlook.office365.com/.default"
DELEGATED_SCOPES = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send")


def load_msal(key: str) -> Any:
    try:
        import msal
    except ImportError as error:
        raise Misconfigured(f"{key}: provider microsoft needs the package msal; install it with pip install '.[microsoft]' in mailroom's folder") from error
    return msal


class Microsoft:
    """An issuer; ``sign_in`` is the device code grant (RFC 8628)."""

    def __init__(self, config: OAuth2Config, profile: Profile) -> None:
        load_msal(profile.key)  # at the start, not in the night
        self._config, self._profile = config, profile
        self._scopes = list(config.scope or ((APPLICATION_SCOPE,) if profile.grant == "application" else DELEGATED_SCOPES))

    def issue(self, refresh_token: str | None) -> Issued:
        with self._client() as app:
            if refresh_token is None:
                return self._issued(app.acquire_token_for_client(self._scopes))
            return self._issued(app.acquire_token_by_refresh_token(refresh_token, self._scopes))

    def sign_in(self, show: Callable[[str], None]) -> Issued:
        """Show address and code, and wait until the user has signed in. Raises where that does not come about."""
        with self._client() as app:
            flow = app.initiate_device_flow(self._scopes)
            if "user_code" not in flow:
                self._issued(flow)
                raise not_oauth(self._profile, "no code to show")
            show(f"Open {flow['verification_uri']} in any browser and enter the code {flow['user_code']}; sign in as the owner of the mailbox.")
            issued = self._issued(app.acquire_token_by_device_flow(flow))
        if issued.refresh_token is None:
            raise Misconfigured(f"{self._profile.key}: {self._profile.endpoint} gave no refresh token; leave scope out, or see that offline_access is allowed")
        return issued

    @contextmanager
    def _client(self) -> Iterator[Any]:
        config, profile = self._config, self._profile
        msal = load_msal(profile.key)
        with session_for(config) as session, _in_words(profile, config, msal):
            common: dict[str, Any] = {
                "authority": f"{(config.authority or AUTHORITY).rstrip('/')}/{config.tenant}",
                "http_client": session,
                "instance_discovery": False,  # the operator named the authority; nobody else need vouch for it
            }
            if profile.grant == "delegated":
                yield msal.PublicClientApplication(config.client_id, **common)
            else:
                yield msal.ConfidentialClientApplication(config.client_id, client_credential=self._credential(), **common)

    def _credential(self) -> str | dict[str, str]:
        config = self._config
        if config.client_secret is not None:
            return config.client_secret.reveal()
        from mailroom.oauth.certificate import load_certificate

        assert config.certificate is not None  # noqa: S101 - validated: one of the two
        certificate = load_certificate(config.certificate)
        return {"private_key": certificate.key_pem, "public_certificate": certificate.pem}

    def _issued(self, answer: dict[str, Any]) -> Issued:
        if "access_token" in answer:
            return Issued(
                access_token=str(answer["access_token"]),
                lifetime=timedelta(seconds=int(answer.get("expires_in", 3600))),
                refresh_token=answer.get("refresh_token"),
            )
        if "error" in answer:
            raise request_refused(self._profile, str(answer["error"]), str(answer.get("error_description") or ""))
        raise not_oauth(self._profile, "neither a token nor an error")


@contextmanager
def _in_words(profile: Profile, config: OAuth2Config, msal: Any) -> Iterator[None]:
    """What msal and requests raise, as our own errors."""
    try:
        yield
    except OSError as error:  # those of requests are
        raise transport_fault(error, profile, config) from error
    except (msal.exceptions.MsalServiceError, RuntimeError) as error:  # 5xx of the metadata or of the token endpoint
        raise unreachable(profile, error) from error
    except (ValueError, KeyError) as error:
        # msal's words for an unknown tenant; Microsoft's own stand in the error behind it.
        behind = str(error.__context__ or "")
        if "OIDC Discovery failed" in behind and "HTTP status: 4" in behind:
            raise request_refused(profile, "invalid_tenant", behind) from error
        raise not_oauth(profile, str(error) or type(error).__name__) from error
