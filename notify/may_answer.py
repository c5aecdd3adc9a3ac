"""May this message be answered by a machine? RFC 3834, as one table.

The table is read top to bottom and every row is tried, also after a hit, so that the record shows
what held and what did not. A hit in any row holds the answer back; nothing else is decided here
(caps, go-live mark and mode are the outbox's).

Promise: no header of the message can make an answer more likely, only less. ``reads_as_person``
relaxes two rows: people do write from addresses that are called noreply@, and from organisations that
stamp X-Auto-Response-Suppress on whatever leaves them (docs/adr/0006).

What it does badly: a machine that marks its mail in none of these ways looks like a person here;
the reading of its words (parse) and the outbox's caps are the second and third line. A mailbox that is
itself a mailing list (each message gets List-Id on its way in) is never answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass

from mailroom.model import ParsedMessage, Reason, RuleHit
from notify.addresses import AddressError, checked_address
from notify.envelope import BounceAddress

__all__ = ["ROWS", "Row", "Verdict", "may_answer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What the rows look at."""

    parsed: ParsedMessage
    own: frozenset[str]  # our addresses and aliases, casefolded
    reads_as_person: bool
    bounces: BounceAddress | None

    def senders(self) -> tuple[str, ...]:
        """The addresses that claim to have sent it: From, Sender, Return-Path."""
        found = [address.address for address in self.parsed.from_addresses]
        if self.parsed.sender is not None:
            found.append(self.parsed.sender.address)
        for value in self.parsed.header_values("Sender"):
            found += _ADDRESS.findall(value)
        if self.parsed.return_path:
            found.append(self.parsed.return_path)
        return tuple(dict.fromkeys(address.strip("<> ").casefold() for address in found))


Predicate = Callable[[Case], str | None]
"""None: the row does not hold. A text: it does, and this is what was seen ("" where nothing is worth showing)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    id: str  # also the reason code
    what: str
    holds: Predicate


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """``rules`` has every row in order; ``reasons`` those that held."""

    rules: tuple[RuleHit, ...]
    reasons: tuple[Reason, ...]

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def first_reason(self) -> Reason | None:
        return self.reasons[0] if self.reasons else None


_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_RESPONDER = re.compile(r"x-(?:mail-)?auto-?(?:reply|respond|responder|response|generated|answer)(?:-(?:from|to|id|subject|type))?", re.IGNORECASE)
_RESPONDER_FIELDS = frozenset({"x-ms-exchange-inbox-rules-loop", "x-ms-exchange-generated-message-source", "x-fc-machinegenerated", "x-vacation", "x-cron-env"})
_LIST_FIELDS = frozenset({"mailing-list", "x-mailing-list", "x-beenthere", "x-mailman-version", "x-listname", "x-list-id", "x-google-group-id"})
_BULK = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply", "autoreply"})
_SUPPRESS = frozenset({"all", "autoreply", "oof"})  # DR, RN, NRN and NDR are about reports, None about nothing
_REPORTS = frozenset({"multipart/report", "message/delivery-status", "message/disposition-notification", "message/global-delivery-status"})
_REPORT_FIELDS = ("X-MS-Exchange-Message-Is-Ndr", "X-Failed-Recipients")
_MAILROOM = re.compile(r"<mailroom\.[0-9a-f]{40}@[^<>\s]+>", re.IGNORECASE)  # notify.compose writes them, in any installation
_DELIVERED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_DAEMON = re.compile(
    r"(?:mailer-?daemon|postmaster|mail-?daemon|listserv|majordomo|mailman|nobody|bounces?"
    r"|owner-.+|.+-(?:request|owner|bounces?)|(?:.+-)?bounces?[+=-].+|msprvs1=.+)@.*"
)
_DAEMON_NAME = re.compile(r"mail(?:er)?[ -]?(?:daemon|delivery (?:sub)?system)", re.IGNORECASE)
_NO_REPLY = re.compile(r"(?:.*[._+-])?(?:no|not|do[._-]?not|dont|never)[._-]?(?:reply|respond|answer)(?:[._+-].*|\d*)@.*")
_NO = frozenset({"no", "false", "0"})


def auto_submitted(value: str) -> str:
    """The keyword of an Auto-Submitted field (RFC 3834 section 5): no comments, no parameters, lower case."""
    depth, plain = 0, ""
    for character in value:
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            plain += character
    return plain.partition(";")[0].strip().casefold()


def _null_return_path(case: Case) -> str | None:
    return "Return-Path: <>" if case.parsed.return_path == "" else None  # an absent field (None) says nothing


def _auto_submitted(case: Case) -> str | None:
    keywords = [auto_submitted(value) for value in case.parsed.header_values("Auto-Submitted")]
    return next((f"Auto-Submitted: {_short(keyword)}" for keyword in keywords if keyword != "no"), None)


def _suppress_asked(case: Case) -> str | None:
    """The field speaks to out-of-office and rule-made answers (MS-OXCMAIL 2.1.3.2.20). Some organisations stamp it on
    all mail that leaves them; a member who registers wants the acknowledgement, so a person's words outweigh it."""
    if case.reads_as_person:
        return None
    for value in case.parsed.header_values("X-Auto-Response-Suppress"):
        asked = [item.strip() for item in re.split("[,;]", value)]
        if hits := [item for item in asked if item.casefold() in _SUPPRESS]:
            return f"X-Auto-Response-Suppress: {', '.join(hits)}"
    return None


def _list(case: Case) -> str | None:
    return next((name for name, _ in case.parsed.headers if name.lower().startswith("list-") or name.lower() in _LIST_FIELDS), None)


def _precedence(case: Case) -> str | None:
    values = [value.strip().casefold() for value in (*case.parsed.header_values("Precedence"), *case.parsed.header_values("X-Precedence"))]
    return next((f"Precedence: {value}" for value in values if value in _BULK), None)


def _report(case: Case) -> str | None:
    kinds = (kind for kind in case.parsed.content_types if kind.lower() in _REPORTS)
    fields = (name for name in _REPORT_FIELDS if case.parsed.header_values(name))
    return next(kinds, None) or next(fields, None)


def _responder(case: Case) -> str | None:
    for name, value in case.parsed.headers:
        if (_RESPONDER.fullmatch(name) or name.lower() in _RESPONDER_FIELDS) and value.strip().casefold() not in _NO:
            return name
    return None


def _loop(case: Case) -> str | None:
    for value in case.parsed.header_values("X-Loop"):
        if any(_plain(address) in case.own for address in _ADDRESS.findall(value)):
            return "X-Loop"
    return None


def _mailroom(case: Case) -> str | None:
    """Gateways take Auto-Submitted away more often than they rewrite a Message-ID."""
    return next((_short(identifier) for identifier in case.parsed.message_ids if _MAILROOM.fullmatch(identifier)), None)


def _bounce_address(case: Case) -> str | None:
    """Responders that keep to RFC 3834 answer the Return-Path; a person never sees it."""
    if case.bounces is None:
        return None
    to = [address.address for address in case.parsed.recipients]
    to += [value for name in _DELIVERED_TO for value in case.parsed.header_values(name)]
    return next((_short(address) for address in to if case.bounces.identifiers([address])), None)


def _own_address(case: Case) -> str | None:
    return next((address for address in case.senders() if _plain(address) in case.own), None)


def _daemon(case: Case) -> str | None:
    if case.parsed.sender is not None and _DAEMON_NAME.search(case.parsed.sender.name):
        return _short(case.parsed.sender.name)
    return next((_short(address) for address in case.senders() if _DAEMON.fullmatch(address)), None)


def _no_reply(case: Case) -> str | None:
    if case.reads_as_person:
        return None
    return next((_short(address) for address in case.senders() if _NO_REPLY.fullmatch(address)), None)


def _calendar(case: Case) -> str | None:
    return "METHOD:REPLY" if (case.parsed.calendar_method or "").upper() == "REPLY" else None


def _spam(case: Case) -> str | None:
    for name in ("X-Spam-Flag", "X-Spam-Status", "X-Spam"):
        if any(re.match(r"(?:yes|true)\b", value.strip(), re.IGNORECASE) for value in case.parsed.header_values(name)):
            return name
    for value in case.parsed.header_values("X-MS-Exchange-Organization-SCL"):
        if re.fullmatch(r"[5-9]", value.strip()):
            return "X-MS-Exchange-Organization-SCL"
    for value in case.parsed.header_values("X-Forefront-Antispam-Report"):
        if re.search(r"\bSFV:(?:SPM|SKB|SKS)\b", value, re.IGNORECASE):
            return "X-Forefront-Antispam-Report"
    return None


def _no_address(case: Case) -> str | None:
    if case.parsed.sender is None:
        return ""
    try:
        checked_address(case.parsed.sender.address)
    except AddressError as error:
        return str(error)
    return None


ROWS: tuple[Row, ...] = (
    Row(id="no_answer_null_return_path", what="null reverse-path: a report, or an automatic answer", holds=_null_return_path),
    Row(id="no_answer_auto_submitted", what="Auto-Submitted with any value but «no» (RFC 3834 section 5)", holds=_auto_submitted),
    Row(id="no_answer_own_address", what="From, Sender or Return-Path is ours: looped or forged", holds=_own_address),
    Row(id="no_answer_mailroom", what="another mailroom wrote it: its Message-ID is one of an automatic answer", holds=_mailroom),
    Row(id="no_answer_bounce_address", what="sent to the address that only delivery reports come to", holds=_bounce_address),
    Row(id="no_answer_loop", what="X-Loop names one of our addresses", holds=_loop),
    Row(id="no_answer_report", what="delivery report or receipt (RFC 3464, RFC 8098)", holds=_report),
    Row(id="no_answer_daemon", what="from a mail system or list software, not a person", holds=_daemon),
    Row(id="no_answer_responder", what="a responder's own mark (X-Autoreply and kin)", holds=_responder),
    Row(
        id="no_answer_suppress_asked",
        what="X-Auto-Response-Suppress asks for no automatic answer, and no person's words say otherwise",
        holds=_suppress_asked,
    ),
    Row(id="no_answer_list", what="came through a mailing list (RFC 2369, RFC 2919)", holds=_list),
    Row(id="no_answer_precedence", what="Precedence: bulk, list, junk or auto_reply", holds=_precedence),
    Row(id="no_answer_calendar", what="a calendar's answer to an invitation", holds=_calendar),
    Row(id="no_answer_spam", what="the mail server marked it as spam", holds=_spam),
    Row(id="no_answer_no_reply_address", what="the address says that nobody reads there, and no person's words say otherwise", holds=_no_reply),
    Row(id="no_answer_no_address", what="no From address that an answer could go to", holds=_no_address),
)


def may_answer(parsed: ParsedMessage, own_addresses: Set[str], *, reads_as_person: bool = False, bounces: BounceAddress | None = None) -> Verdict:
    """Try every row. ``own_addresses``: ours and their aliases; ``reads_as_person``: the words are a person's;
    ``bounces``: the address that our answers leave from, where it is one for each of them."""
    case = Case(parsed=parsed, own=frozenset(_plain(address) for address in own_addresses), reads_as_person=reads_as_person, bounces=bounces)
    rules: list[RuleHit] = []
    reasons: list[Reason] = []
    for row in ROWS:
        seen = row.holds(case)
        rules.append(RuleHit(rule=row.id, hit=seen is not None))
        if seen is not None:
            reasons.append(Reason(code=row.id, detail=seen))
    return Verdict(rules=tuple(rules), reasons=tuple(reasons))


def _plain(address: str) -> str:
    """Without +detail (RFC 5233), needless quotes and a final dot: "car+abc"@union.example. is car@union.example."""
    local, at, domain = address.strip().casefold().rpartition("@")
    if len(local) > 2 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return f"{local.partition('+')[0] or local}{at}{domain.rstrip('.')}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
