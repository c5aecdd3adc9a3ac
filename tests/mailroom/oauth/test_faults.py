"""What token endpoints and mail servers say: the kind, and the sentence that mends it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from mailroom.errors import Misconfigured, Temporary
from mailroom.oauth.faults import ENDPOINT, LOGIN, Profile, claims_of, login_refused, not_oauth, request_refused, unreachable
from mailroom.sasl import Challenge

APP = Profile(
    provider="microsoft",
    grant="application",
    key="mailbox programme, imap.oauth2",
    client_id="11111111",
    tenant="99999999",
    endpoint="login.microsoftonline.com",
    imap_permission="IMAP.AccessAsApp",
    smtp_permission="SMTP.SendAsApp",
)
USER = replace(APP, grant="delegated", imap_permission="IMAP.AccessAsUser.All", smtp_permission="SMTP.Send")
SERVICE = Profile(provider="google", grant="application", key="K", client_id="1234567890", endpoint="oauth2.googleapis.com")
INSTALLED = replace(SERVICE, grant="delegated")
OTHER = Profile(provider="other", grant="application", key="K", client_id="c", endpoint="id.example")
OTHER_USER = replace(OTHER, grant="delegated")

# profile, error, description as the provider words it, kind, words that mend it
ASKED: list[tuple[Profile, str, str, type[Exception], str]] = [
    (APP, "invalid_client", "AADSTS7000222: The provided client secret keys for app '1' are expired.", Misconfigured, "has expired; make a new one"),
    (APP, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret", Misconfigured, "not to its ID"),
    (APP, "invalid_client", "AADSTS700027: The certificate used to sign is not registered", Misconfigured, "upload this very certificate"),
    (APP, "invalid_client", "AADSTS700024: Client assertion is not within its valid time range.", Misconfigured, "clock"),
    (APP, "invalid_request", "AADSTS90002: Tenant 'contoso' not found.", Misconfigured, "no tenant «99999999»"),
    (APP, "invalid_request", "AADSTS900023: Specified tenant identifier 'x' is neither a valid DNS name", Misconfigured, "set tenant to"),
    (APP, "unauthorized_client", "AADSTS700016: Application with identifier '1' was not found in the directory", Misconfigured, "is not known in tenant"),
    (APP, "unauthorized_client", "AADSTS7000229: The client application is missing service principal in the tenant", Misconfigured, "is not known in tenant"),
    (APP, "unauthorized_client", "AADSTS7000112: Application '1' is disabled.", Misconfigured, "is disabled in tenant"),
    (USER, "invalid_client", "AADSTS7000218: The request body must contain: 'client_assertion'", Misconfigured, "Allow public client flows"),
    (APP, "invalid_resource", "AADSTS500011: The resource principal named https://outlook.office365.com was not found", Misconfigured, "leave scope out"),
    (APP, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.", Misconfigured, "leave scope out"),
    (USER, "invalid_grant", "AADSTS65001: The user or administrator has not consented to use the application", Misconfigured, "Grant admin consent"),
    (USER, "interaction_required", "AADSTS90094: The grant requires administrator permission.", Misconfigured, "Grant admin consent"),
    (USER, "invalid_grant", "AADSTS53003: Access has been blocked by Conditional Access policies.", Misconfigured, "Conditional Access"),
    (USER, "invalid_grant", "AADSTS50057: The user account is disabled.", Misconfigured, "mend the account"),
    (USER, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.", Misconfigured, "mailroom sign-in"),
    (USER, "invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked.", Misconfigured, "mailroom sign-in"),
    (USER, "interaction_required", "AADSTS50076: you must use multi-factor authentication", Misconfigured, "mailroom sign-in"),
    (USER, "authorization_pending", "AADSTS70016: Pending end-user authorization.", Misconfigured, "not finished in time"),
    (USER, "expired_token", "AADSTS70020: The provided value for the input parameter 'device_code' is not valid.", Misconfigured, "not finished in time"),
    (USER, "authorization_declined", "", Misconfigured, "was declined"),
    (APP, "temporarily_unavailable", "AADSTS90033: A transient error has occurred. Please try again.", Temporary, "tried again later"),
    (APP, "invalid_request", "AADSTS50196: The server terminated an operation because it encountered a client request loop.", Temporary, "tried again later"),
    (SERVICE, "unauthorized_client", "Client is unauthorized to retrieve access tokens", Misconfigured, "Domain-wide delegation, add client 1234567890"),
    (SERVICE, "invalid_grant", "Invalid JWT Signature.", Misconfigured, "make a new one"),
    (SERVICE, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.", Misconfigured, "clock"),
    (SERVICE, "invalid_grant", "Invalid email or User ID", Misconfigured, "correct user"),
    (INSTALLED, "invalid_grant", "Token has been expired or revoked.", Misconfigured, "seven days"),
    (INSTALLED, "invalid_scope", "Not all requested scopes were granted", Misconfigured, "leave it ticked"),
    (INSTALLED, "access_denied", "", Misconfigured, "App access control"),
    (INSTALLED, "admin_policy_enforced", "", Misconfigured, "App access control"),
    (OTHER_USER, "invalid_grant", "spent", Misconfigured, "mailroom sign-in"),
    (OTHER_USER, "access_denied", "", Misconfigured, "was declined"),
    (OTHER, "invalid_grant", "who are you", Misconfigured, "does not accept what we show"),
    (OTHER, "invalid_client", "bad secret", Misconfigured, "refused (invalid_client: bad secret)"),
    (OTHER, "unauthorized_client", "", Misconfigured, "allow it where the application is registered"),
    (OTHER, "invalid_scope", "no such", Misconfigured, "correct scope"),
    (OTHER, "invalid_request", "missing x", Misconfigured, "check the keys of oauth2"),
    (OTHER, "server_error", "", Temporary, "just now"),
    (OTHER, "teapot", "short and stout", Temporary, "gave no token (teapot: short and stout)"),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "error", "description", "kind", "words"), ASKED, ids=[f"{p.provider}-{e}-{d[:24]}" for p, e, d, _, _ in ASKED])
def test_each_refusal_has_its_kind_and_its_mend(profile: Profile, error: str, description: str, kind: type[Exception], words: str) -> None:
    told = request_refused(profile, error, description)
    assert type(told) is kind
    assert words in str(told)
    assert "{" not in str(told)


def test_every_row_is_reached_by_a_case() -> None:
    def row(profile: Profile, error: str, description: str) -> int:
        words = str(request_refused(profile, error, description))
        starts = [f.words.format(key=profile.key, client_id=profile.client_id, tenant=profile.tenant, endpoint=profile.endpoint, said="\0") for f in ENDPOINT]
        return next(n for n, start in enumerate(starts) if all(piece in words for piece in start.split("\0")))

    assert {row(profile, error, description) for profile, error, description, _, _ in ASKED} == set(range(len(ENDPOINT)))


def test_trace_ids_and_long_words_stay_out() -> None:
    """A server that echoes a token does not bring it into the log."""
    told = str(request_refused(OTHER, "teapot", f"token {'x' * 80} is bad\r\nTrace ID: 1\r\nTimestamp: now"))
    assert "token … is bad" in told
    assert "x" * 61 not in told
    assert "Trace" not in told


def test_an_endpoint_that_does_not_answer_may_be_back() -> None:
    assert isinstance(unreachable(OTHER, "Connection refused"), Temporary)
    assert "id.example" in str(not_oauth(OTHER, "HTTP 200, no JSON object"))


# --- the mail server


def token(**claims: Any) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode() + ".sig"


GRANTED = token(roles=["IMAP.AccessAsApp", "SMTP.SendAsApp"])
DISABLED = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the {}. Visit https://aka.ms/smtp_auth_disabled"
REFUSED: list[tuple[Profile, str, str, Challenge | None, str, str]] = [
    (APP, "imap", "AUTHENTICATE failed.", None, token(aud="https://outlook.office365.com"), "lacks the permission IMAP.AccessAsApp: consent is missing"),
    (APP, "imap", "AUTHENTICATE failed.", None, token(roles=["SMTP.SendAsApp"]), "lacks the permission IMAP.AccessAsApp"),
    (APP, "smtp", "535 5.7.3 Authentication unsuccessful", None, token(roles=["IMAP.AccessAsApp"]), "lacks the permission SMTP.SendAsApp"),
    (APP, "imap", "AUTHENTICATE failed.", None, GRANTED, "New-ServicePrincipal -AppId 11111111"),
    (APP, "imap", "AUTHENTICATE failed.", None, "opaque", "Add-MailboxPermission -Identity car@union.example"),
    (APP, "smtp", "535 5.7.3 Authentication unsuccessful", None, GRANTED, "Add-MailboxPermission"),
    (APP, "smtp", DISABLED.format("Tenant"), None, GRANTED, "off for the whole tenant"),
    (USER, "smtp", DISABLED.format("Mailbox"), None, token(scp="SMTP.Send"), "Set-CASMailbox car@union.example -SmtpClientAuthenticationDisabled $false"),
    (USER, "imap", "AUTHENTICATE failed.", None, token(scp="SMTP.Send", upn="car@union.example"), "lacks the permission IMAP.AccessAsUser.All"),
    (USER, "imap", "AUTHENTICATE failed.", None, token(scp="IMAP.AccessAsUser.All SMTP.Send", upn="ann@union.example"), "give ann@union.example FullAccess"),
    (USER, "imap", "AUTHENTICATE failed.", None, token(scp="IMAP.AccessAsUser.All", upn="CAR@union.example"), "whoever signed in has FullAccess"),
    (INSTALLED, "imap", "[ALERT] IMAP access is disabled for your domain.", None, "opaque", "IMAP is off"),
    (INSTALLED, "imap", "Invalid credentials (Failure)", Challenge(status="400", schemes="Bearer"), "opaque", "leave the mail permission ticked"),
    (SERVICE, "imap", "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", Challenge(status="400"), "opaque", "is delegated the scope"),
    (OTHER, "imap", "[AUTHENTICATIONFAILED] no", Challenge(status="insufficient_scope", scope="mail.read"), "opaque", "scope mail.read"),
    (OTHER, "imap", "[AUTHENTICATIONFAILED] no", Challenge(status="invalid_token"), "opaque", "that oauth2.scope is right"),
    (OTHER_USER, "smtp", "535 5.7.8 no", None, "opaque", "mailroom sign-in"),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "protocol", "said", "challenge", "access_token", "words"), REFUSED)
def test_what_a_server_refuses_is_told_apart(profile: Profile, protocol: Any, said: str, challenge: Challenge | None, access_token: str, words: str) -> None:
    told = login_refused(profile, protocol, where="W", user="car@union.example", said=said, challenge=challenge, access_token=access_token)
    assert type(told) is Misconfigured
    assert words in str(told)
    assert access_token not in str(told) or access_token == "opaque"


def test_every_row_of_the_second_table_is_reached() -> None:
    def fits(words: str, told: str) -> bool:
        names = ("where", "user", "said", "permission", "signed_in", "order", "key", "client_id", "tenant", "endpoint")
        return all(piece in told for piece in words.format(**dict.fromkeys(names, "\0")).split("\0"))

    told = [
        str(login_refused(p, protocol, where="W", user="car@union.example", said=said, challenge=challenge, access_token=t))  # type: ignore[arg-type]
        for p, protocol, said, challenge, t, _ in REFUSED
    ]
    assert [row.words for row in LOGIN if not any(fits(row.words, one) for one in told)] == []


def test_consent_is_vouched_for_only_where_the_token_shows_it() -> None:
    def told(access_token: str) -> str:
        return str(login_refused(APP, "imap", where="W", user="car", said="AUTHENTICATE failed.", challenge=None, access_token=access_token))

    assert "token and consent are in order" in told(GRANTED)
    assert "whether consent is granted, the token does not show" in told("opaque")


@pytest.mark.parametrize("opaque", ["", "abc", "a.b.c", "a.!!!.c", "e30.W10.x", "ya29.a0Af"])
def test_an_opaque_token_tells_nothing(opaque: str) -> None:
    assert claims_of(opaque) == {}
