"""The HTTP session that msal and google-auth are given: every request bounded in time, certificates verified, faults in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mailroom.errors import Misconfigured
from mailroom.oauth.faults import Profile, unreachable

if TYPE_CHECKING:
    from requests import Session

    from mailroom.config import OAuth2Config

__all__ = ["session_for", "transport_fault"]


@contextmanager
def session_for(config: OAuth2Config) -> Iterator[Session]:
    import requests

    with requests.Session() as session:
        plain = session.request

        def request(*arguments: Any, **options: Any) -> Any:
            options["timeout"] = config.timeout.total_seconds()  # requests has none for a session
            if config.ca_file is not None:
                # Here, not on the session: there $REQUESTS_CA_BUNDLE would win over it.
                options["verify"] = str(config.ca_file)
            if "POST" in (options.get("method"), *arguments[:1]):
                options["allow_redirects"] = False  # a secret goes where the operator said, nowhere else
            return plain(*arguments, **options)

        session.request = request  # type: ignore[method-assign]
        yield session


def transport_fault(error: BaseException, profile: Profile, config: OAuth2Config) -> Exception:
    """What to raise for an error of requests."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return Misconfigured(
            f"{profile.endpoint}: the certificate of the token endpoint is refused; name the authority that signed it in oauth2.ca_file ({_reason(error)})"
        )
    if isinstance(error, OSError) and not isinstance(error, requests.exceptions.RequestException):
        return Misconfigured(f"oauth2.ca_file {config.ca_file}: cannot be read ({error}); correct the path")
    return unreachable(profile, _reason(error))


def _reason(error: BaseException) -> str:
    """The cause at the bottom of what requests and urllib3 wrap around it."""
    inner: object = error
    while isinstance(inner, BaseException):
        below = getattr(inner, "reason", None) or next((part for part in reversed(inner.args) if isinstance(part, BaseException)), None)
        if not isinstance(below, BaseException):
            break
        inner = below
    return str(inner) or type(inner).__name__
