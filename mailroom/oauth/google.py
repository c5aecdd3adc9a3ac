"""Access tokens of Google, by `google-auth` (extra «google»): a service account with domain-wide delegation, or a user's sign-in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailroom.errors import Misconfigured
from mailroom.oauth.faults import Profile, not_oauth, request_refused
from mailroom.oauth.session import session_for, transport_fault
from mailroom.oauth.source import Issued

if TYPE_CHECKING:
    from mailroom.config import OAuth2Config

__all__ = ["AUTHORIZATION_ENDPOINT", "SCOPE", "TOKEN_ENDPOINT", "Google", "service_account_facts"]

AUTHORIZATION_ENDPOINT = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://mail.google.com/"  # the only scope that IMAP and SMTP take


def _load(key: str) -> None:
    try:
        import google.auth.transport.requests  # noqa: F401
    except ImportError as error:
        raise Misconfigured(
            f"{key}: provider google needs the packages google-auth and requests; install them with pip install '.[google]' in mailroom's folder"
        ) from error


def service_account_facts(config: OAuth2Config) -> dict[str, Any]:
    """The key file as Google's console gives it."""
    path = config.service_account
    assert path is not None  # noqa: S101 - asked only where there is one
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"oauth2.service_account {path}: {error.strerror}; correct the path, readable by mailroom only") from error
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or facts.get("type") != "service_account":
        raise Misconfigured(f"oauth2.service_account {path}: is no key of a service account; in the Cloud console make a key of type JSON and name that file")
    return facts


class Google:
    """An issuer. ``user`` is the mailbox that a service account acts for."""

    def __init__(self, config: OAuth2Config, profile: Profile, user: str) -> None:
        _load(profile.key)
        self._config, self._profile, self._user = config, profile, user
        self._scopes = list(config.scope or (SCOPE,))

    def issue(self, refresh_token: str | None) -> Issued:
        import google.auth.exceptions
        import google.auth.transport.requests

        config, profile = self._config, self._profile
        credentials = self._credentials(refresh_token)
        with session_for(config) as session:
            try:
                credentials.refresh(google.auth.transport.requests.Request(session=session))
            except google.auth.exceptions.RefreshError as error:
                answer = error.args[1] if len(error.args) > 1 else None
                if isinstance(answer, dict) and isinstance(answer.get("error"), str):
                    raise request_refused(profile, answer["error"], str(answer.get("error_description") or "")) from error
                raise not_oauth(profile, str(error.args[0])) from error
            except google.auth.exceptions.TransportError as error:
                raise transport_fault(error.__cause__ or error, profile, config) from error
            except OSError as error:
                raise transport_fault(error, profile, config) from error
            except (TypeError, KeyError) as error:  # an answer that is no JSON object
                raise not_oauth(profile, "no JSON object") from error
        if not credentials.token:
            raise not_oauth(profile, "no token")
        granted = getattr(credentials, "granted_scopes", None)
        if granted is not None and not set(self._scopes) <= set(granted):
            # Whoever signs in may untick a permission; Google then gives a token that no mail server takes.
            raise request_refused(profile, "invalid_scope", f"given: {' '.join(granted) or 'none'}")
        left = credentials.expiry.replace(tzinfo=UTC) - datetime.now(UTC) if credentials.expiry is not None else timedelta(hours=1)
        renewed = getattr(credentials, "refresh_token", None)
        return Issued(access_token=str(credentials.token), lifetime=left, refresh_token=renewed if renewed != refresh_token else None)

    def _credentials(self, refresh_token: str | None) -> Any:
        config = self._config
        if config.service_account is None:
            from google.oauth2.credentials import Credentials

            assert config.client_secret is not None  # noqa: S101 - validated
            return Credentials(  # type: ignore[no-untyped-call]
                token=None,
                refresh_token=refresh_token,
                token_uri=config.token_endpoint or TOKEN_ENDPOINT,
                client_id=config.client_id,
                client_secret=config.client_secret.reveal(),
                scopes=self._scopes,
            )
        from google.oauth2 import service_account

        try:
            return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                service_account_facts(config), scopes=self._scopes, subject=self._user
            )
        except ValueError as error:
            raise Misconfigured(
                f"oauth2.service_account {config.service_account}: is no usable key ({str(error)[:120]}); make a new one of type JSON"
            ) from error
