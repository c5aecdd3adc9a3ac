"""What token endpoints and mail servers say when a token is refused, put into the kinds of error and into words.

Two tables, each read from the top; the first row that fits decides:

* ``ENDPOINT``: the token endpoint gives no token. Told by its error code (RFC 6749 section 5.2) and by what its
  description holds: Microsoft's AADSTS numbers, Google's phrases.
* ``LOGIN``: there is a token, and the mail server does not take it. What the token itself says it is good for tells a
  missing consent from a missing permission on the mailbox, which servers do not.

What it does badly: Microsoft says that its numbers may change; then the row by the standard's code fits, which has the
right kind and less to advise. Access tokens are the server's affair; ours are looked into only for advice, unverified,
and where one is opaque that test says nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.sasl import Challenge

__all__ = ["ENDPOINT", "LOGIN", "EndpointFault", "Grant", "LoginFault", "Profile", "claims_of", "login_refused", "not_oauth", "request_refused", "unreachable"]

Provider = Literal["microsoft", "google", "other"]
Grant = Literal["application", "delegated"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What an error needs to know of a set-up; nothing of it is secret."""

    provider: Provider
    grant: Grant
    key: str  # where it stands in config.yaml
    client_id: str = ""
    tenant: str = ""
    endpoint: str = ""  # the host that is asked
    issued_for: str = ""  # which application and tenant a refresh token belongs to
    imap_permission: str = ""
    smtp_permission: str = ""


class EndpointFault(NamedTuple):
    """``words`` may name {key}, {client_id}, {tenant}, {endpoint} and {said}."""

    kind: type[Temporary] | type[Misconfigured]
    provider: Provider | None  # None: any
    grant: Grant | None
    pattern: str  # searched in "error: description", without case
    words: str


SIGN_IN = "sign in again with «mailroom sign-in»"
_ENTRA = "in the Entra admin centre, App registrations, {client_id}"

ENDPOINT: tuple[EndpointFault, ...] = (
    # --- it may pass
    EndpointFault(
        Temporary,
        None,
        None,
        r"^(temporarily_unavailable|server_error|internal_failure|slow_down)\b|AADSTS(90033|50196|90055|90056|50053)\b|rate.?limit",
        "{endpoint}: cannot give a token just now ({said}); tried again later",
    ),
    # --- Microsoft: secret and certificate
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS7000222\b",
        "{key}: the client secret has expired; make a new one "
        + _ENTRA
        + ", Certificates & secrets, put its value where client_secret points, and set expires",
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS7000215\b",
        "{key}: the client secret is wrong; client_secret must point to the secret's value (shown once, when it is made), not to its ID; make a new one "
        + _ENTRA
        + ", Certificates & secrets",
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS700027\b",
        "{key}: the certificate is not accepted; upload this very certificate (its public part) " + _ENTRA + ", Certificates & secrets, Certificates ({said})",
    ),
    EndpointFault(
        Misconfigured, "microsoft", None, r"AADSTS700024\b", "{key}: the signed request is out of its time range; correct this machine's clock ({said})"
    ),
    # --- Microsoft: tenant and application
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS(90002|900023|900021|90013)\b|^invalid_tenant\b",
        "{key}: no tenant «{tenant}»; set tenant to the Directory (tenant) ID of the organisation",
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS(700016|7000229)\b",
        "{key}: application {client_id} is not known in tenant {tenant}; check client_id (the Application (client) ID, no object id) and tenant, "
        "and that its enterprise application exists in that tenant",
    ),
    EndpointFault(
        Misconfigured, "microsoft", None, r"AADSTS7000112\b", "{key}: application {client_id} is disabled in tenant {tenant}; an administrator must enable it"
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS7000218\b",
        "{key}: the application takes no sign-in without a secret; " + _ENTRA + ", Authentication, set «Allow public client flows» to Yes",
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS(500011|70011|1002012|28002|650053|650057)\b",
        "{key}: the scope is not one that this application can ask for; leave scope out, and see that the tenant has Exchange Online ({said})",
    ),
    # --- Microsoft: consent, and the user who signed in
    EndpointFault(
        Misconfigured,
        "microsoft",
        None,
        r"AADSTS(65001|90094|65004|90093|650052|650056)\b|^consent_required\b",
        "{key}: consent is missing; an administrator grants it " + _ENTRA + ", API permissions, «Grant admin consent»; after that " + SIGN_IN,
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        "delegated",
        r"AADSTS(53003|530003|53000|53001|50105)\b",
        "{key}: a Conditional Access policy or an assignment keeps this sign-in out; an administrator must allow the application for this user ({said})",
    ),
    EndpointFault(
        Misconfigured,
        "microsoft",
        "delegated",
        r"AADSTS(50057|50034|50055)\b",
        "{key}: the user who signed in is disabled, unknown or has an expired password; mend the account, then " + SIGN_IN,
    ),
    # --- Google
    EndpointFault(
        Misconfigured,
        "google",
        "application",
        r"^unauthorized_client\b",
        "{key}: domain-wide delegation is missing; in admin.google.com, Security, API controls, Domain-wide delegation, add client {client_id} "
        "with the scope https://mail.google.com/",
    ),
    EndpointFault(
        Misconfigured,
        "google",
        "application",
        r"invalid jwt signature",
        "{key}: the service account's key is not accepted; it has been deleted, or belongs to another account: make a new one and name it in service_account",
    ),
    EndpointFault(
        Misconfigured,
        "google",
        "application",
        r"short-lived token|reasonable timeframe|token used too (early|late)|check your (iat|clock)",
        "{key}: the signed request is out of its time range; correct this machine's clock",
    ),
    EndpointFault(
        Misconfigured,
        "google",
        "application",
        r"invalid email|user id|account not found",
        "{key}: the domain has no such mailbox as the user named beside oauth2; correct user",
    ),
    EndpointFault(
        Misconfigured,
        "google",
        None,
        r"^(admin_policy_enforced|org_internal|access_denied)\b",
        "{key}: the organisation does not let this application in ({said}); an administrator allows it in admin.google.com, Security, API controls, "
        "App access control",
    ),
    EndpointFault(
        Misconfigured, "google", "delegated", r"^invalid_scope\b", "{key}: the permission for mail was not given; " + SIGN_IN + " and leave it ticked ({said})"
    ),
    EndpointFault(
        Misconfigured,
        "google",
        "delegated",
        r"^invalid_grant\b",
        "{key}: the sign-in is no longer good (withdrawn, unused for half a year, password changed, or the consent screen is in «Testing», "
        "where it lasts seven days); " + SIGN_IN,
    ),
    # --- the sign-in itself
    EndpointFault(Misconfigured, None, "delegated", r"^(authorization_declined|access_denied)\b", "{key}: the sign-in was declined; " + SIGN_IN),
    EndpointFault(
        Misconfigured,
        None,
        "delegated",
        r"^(authorization_pending|expired_token|code_expired)\b|AADSTS(70016|70020|70019)\b",
        "{key}: the sign-in was not finished in time, and the code is good no more; start again with «mailroom sign-in»",
    ),
    # --- by the standard's codes
    EndpointFault(
        Misconfigured,
        None,
        "delegated",
        r"^(invalid_grant|interaction_required|login_required)\b",
        "{key}: the sign-in is no longer good ({said}); " + SIGN_IN,
    ),
    EndpointFault(Misconfigured, None, None, r"^invalid_grant\b", "{key}: {endpoint} does not accept what we show for ourselves ({said})"),
    EndpointFault(
        Misconfigured, None, None, r"^(invalid_client|deleted_client|disabled_client)\b", "{key}: client_id or its secret is refused ({said}); correct them"
    ),
    EndpointFault(
        Misconfigured,
        None,
        None,
        r"^(unauthorized_client|unsupported_grant_type)\b",
        "{key}: this application may not get tokens in this way ({said}); allow it where the application is registered",
    ),
    EndpointFault(Misconfigured, None, None, r"^invalid_scope\b", "{key}: the scope is refused ({said}); correct scope"),
    EndpointFault(Misconfigured, None, None, r"^invalid_request\b", "{key}: {endpoint} does not understand the request ({said}); check the keys of oauth2"),
    EndpointFault(Temporary, None, None, "", "{endpoint}: gave no token ({said}); tried again later"),
)


def _line(text: str) -> str:
    """The first line, bounded; long unbroken words are left out, for they may be tokens."""
    first = re.split(r"[\r\n]+|\s(?=Trace ID:)", text.strip())[0]
    printable = "".join(c if c.isprintable() else " " for c in first)
    return " ".join(word if len(word) <= 60 else "…" for word in printable.split())[:300]


def request_refused(profile: Profile, error: str, description: str = "") -> MailroomError:
    """The error for an OAuth error response (RFC 6749 section 5.2)."""
    said = _line(": ".join(part for part in (error, description) if part)) or "without a reason"
    for fault in ENDPOINT:
        fits = fault.provider in (None, profile.provider) and fault.grant in (None, profile.grant)
        if fits and re.search(fault.pattern, f"{error}: {description}", re.IGNORECASE):
            return fault.kind(_filled(fault.words, profile, said=said))
    raise AssertionError("the last row fits all errors")


def unreachable(profile: Profile, reason: object) -> MailroomError:
    """The endpoint did not answer; it may be back soon."""
    return Temporary(f"{profile.endpoint}: the token endpoint cannot be reached ({_line(str(reason))}); tried again later")


def not_oauth(profile: Profile, reason: str) -> MailroomError:
    """Something answered, but not as RFC 6749 says: a gateway, a wrong address."""
    return Temporary(f"{profile.endpoint}: the answer is none of a token endpoint ({_line(reason)}); tried again later; check the address in {profile.key}")


def _filled(words: str, profile: Profile, **more: str) -> str:
    values = {"key": profile.key, "client_id": profile.client_id or "the application", "tenant": profile.tenant, "endpoint": profile.endpoint, **more}
    return words.format(**values)


# --- refused by the mail server


class LoginFault(NamedTuple):
    """``lacking`` asks the token: "permission", does it lack ours; "user", is it another user's.

    ``words`` may name {where}, {user}, {said}, {permission}, {signed_in}, {order} and what ``EndpointFault`` may.
    """

    kind: type[Temporary] | type[Misconfigured]
    provider: Provider | None
    grant: Grant | None
    protocol: Literal["imap", "smtp"] | None
    lacking: Literal["permission", "user"] | None
    pattern: str  # searched in the server's words and its challenge
    words: str


LOGIN: tuple[LoginFault, ...] = (
    # --- SMTP is turned off: true whatever the token is
    LoginFault(
        Misconfigured,
        None,
        None,
        "smtp",
        None,
        r"SmtpClientAuthentication is disabled for the Tenant",
        "{where}: authenticated SMTP is off for the whole tenant; in Exchange PowerShell turn it on for this mailbox alone, "
        "«Set-CASMailbox {user} -SmtpClientAuthenticationDisabled $false»",
    ),
    LoginFault(
        Misconfigured,
        None,
        None,
        "smtp",
        None,
        r"SmtpClientAuthentication is disabled|smtp_auth_disabled|5\.7\.139",
        "{where}: authenticated SMTP is off for mailbox {user}; in Exchange PowerShell "
        "«Set-CASMailbox {user} -SmtpClientAuthenticationDisabled $false» ({said})",
    ),
    # --- Microsoft
    LoginFault(
        Misconfigured,
        "microsoft",
        None,
        None,
        "permission",
        "",
        "{where}: the token lacks the permission {permission}: consent is missing; in the Entra admin centre, App registrations, {client_id}, API permissions, "
        "add it under «Office 365 Exchange Online» and press «Grant admin consent»; it counts from the next token on",
    ),
    LoginFault(
        Misconfigured,
        "microsoft",
        "application",
        "imap",
        None,
        "",
        "{where}: Exchange refuses application {client_id} for mailbox {user}, {order} ({said}). In Exchange PowerShell: make "
        "its service principal with «New-ServicePrincipal -AppId {client_id} -ObjectId …» (the object id of the Enterprise application, not of the "
        "App registration), then «Add-MailboxPermission -Identity {user} -User … -AccessRights FullAccess»; see that imap.user names the mailbox "
        "and that IMAP is on for it; Exchange may take an hour to notice",
    ),
    LoginFault(
        Misconfigured,
        "microsoft",
        "application",
        "smtp",
        None,
        "",
        "{where}: Exchange refuses application {client_id} for mailbox {user}, {order} ({said}). In Exchange PowerShell: "
        "«New-ServicePrincipal» (object id of the Enterprise application), «Add-MailboxPermission … FullAccess», and authenticated SMTP on for the mailbox",
    ),
    LoginFault(
        Misconfigured,
        "microsoft",
        "delegated",
        None,
        "user",
        "",
        "{where}: {signed_in} has signed in, but the mailbox is {user} ({said}); give {signed_in} FullAccess to it in Exchange, or sign in as {user} "
        "with «mailroom sign-in»",
    ),
    LoginFault(
        Misconfigured,
        "microsoft",
        "delegated",
        None,
        None,
        "",
        "{where}: Exchange refuses mailbox {user}, {order} ({said}); see that IMAP and authenticated SMTP are on for it, "
        "that user names it, and that whoever signed in has FullAccess to it",
    ),
    # --- Google
    LoginFault(
        Misconfigured, "google", None, "imap", None, r"imap access is disabled|not enabled for imap", "{where}: IMAP is off for {user}; turn it on ({said})"
    ),
    LoginFault(
        Misconfigured,
        "google",
        "delegated",
        None,
        None,
        "",
        "{where}: refuses the token for {user} ({said}); whoever signs in must be {user}, and must leave the mail permission ticked: sign in again with "
        "«mailroom sign-in»",
    ),
    LoginFault(
        Misconfigured,
        "google",
        "application",
        None,
        None,
        "",
        "{where}: refuses the token for {user} ({said}); see that the mailbox exists and that the service account is delegated the scope https://mail.google.com/",
    ),
    # --- any server
    LoginFault(
        Misconfigured,
        None,
        None,
        None,
        None,
        r"insufficient_scope|\b403\b",
        "{where}: the token is not good for this ({said}); set oauth2.scope to what the server asks for",
    ),
    LoginFault(
        Misconfigured,
        None,
        "delegated",
        None,
        None,
        "",
        "{where}: refuses the token for {user} ({said}); sign in again with «mailroom sign-in», and see that user names the mailbox",
    ),
    LoginFault(
        Misconfigured,
        None,
        None,
        None,
        None,
        "",
        "{where}: refuses the token for {user} ({said}); see that user names the mailbox, that the application may use it, and that oauth2.scope is right",
    ),
)


def claims_of(access_token: str) -> dict[str, Any]:
    """What a JSON Web Token says of itself, unverified; {} where it is opaque. For advice only, never for a decision."""
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        said = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return said if isinstance(said, dict) else {}


def _granted(claims: dict[str, Any]) -> list[str] | None:
    """The permissions in a token of Microsoft's; None where it is opaque. Without any, «roles» is left out."""
    if not claims:
        return None
    roles, scopes = claims.get("roles"), claims.get("scp")
    return [str(role) for role in roles] if isinstance(roles, list) else str(scopes or "").split()


def login_refused(
    profile: Profile, protocol: Literal["imap", "smtp"], *, where: str, user: str, said: str, challenge: Challenge | None, access_token: str
) -> MailroomError:
    """The error for a mail server that refuses a token."""
    claims = claims_of(access_token)
    permission = profile.imap_permission if protocol == "imap" else profile.smtp_permission
    granted = _granted(claims)
    signed_in = str(claims.get("upn") or claims.get("preferred_username") or claims.get("unique_name") or "")
    # Only what the token says of itself is vouched for.
    order = "though token and consent are in order" if granted else "though it was given a token (whether consent is granted, the token does not show)"
    true = {
        None: True,
        "permission": bool(permission) and granted is not None and permission.rpartition("/")[2] not in granted,
        "user": bool(signed_in) and signed_in.casefold() != user.casefold(),
    }
    heard = "; ".join(part for part in (_line(said), str(challenge) if challenge is not None else "") if part)
    for fault in LOGIN:
        fits = fault.provider in (None, profile.provider) and fault.grant in (None, profile.grant) and fault.protocol in (None, protocol)
        if fits and true[fault.lacking] and re.search(fault.pattern, heard, re.IGNORECASE):
            return fault.kind(_filled(fault.words, profile, where=where, user=user, said=heard, permission=permission, signed_in=signed_in, order=order))
    raise AssertionError("the last row fits all refusals")
