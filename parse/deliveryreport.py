"""What a report says of the message that it is about: delivered or not, to whom, why, and which message it was.

Two ways in. ``from_status`` reads the fields of a report part (RFC 3464 for delivery, RFC 8098 for receipts):
Postfix, Exchange, Gmail, sendmail and newer Exims send one. ``from_prose`` reads what the others write for people:
qmail, older Exims, older Exchange, hosted mailers with texts of their own.

Promise: pure, linear, never raises. What is not said stays "": nothing is guessed of the outcome, and a mail from
a postmaster that reports nothing is no report.

What it does badly: a report for several recipients tells of the first that failed. Prose is understood in English,
and by status codes and addresses in any language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mailroom.model import DeliveryReport

__all__ = ["from_prose", "from_status", "returned_message_id"]

MAX_TEXT = 50_000
MAX_DETAIL = 300
_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\w.])([45][0-5]\d)(?![\w.])")
_UNSPECIFIC = re.compile(r"[245]\.0\.0")
_MESSAGE_ID = re.compile(r"(?im)^[>| \t]{0,10}message-id:[ \t\r\n]{0,10}(<[^<>\s]{1,990}>)")
_ADDRESS = re.compile(r"[\w.+'=/-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_RANK = ("failed", "delayed", "relayed", "expanded", "delivered")
_REPORTER = re.compile(r"mailer-?daemon|postmaster|mail-?daemon|microsoftexchange[0-9a-f]*|mdaemon", re.IGNORECASE)
# From here on a report quotes the message itself, whose words say nothing of its fate.
_COPY = re.compile(
    r"(?im)^\W{0,12}(?:this is a copy of (?:the|your) (?:message|headers)|below this line is a copy|message headers"
    r"|(?:the )?(?:original|returned|unsent|forwarded) message(?! was ))\b"
)
_THING = r"(?:user|recipient|mailbox|address|account|host|domain)"


def _any(*wordings: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(wordings)})\b", re.IGNORECASE)


_DELAY = _any(
    r"delayed",
    r"(?:has )?not (?:yet )?been delivered",
    r"still trying",
    r"keep (?:on )?trying",
    r"(?:will|shall) (?:be retried|retry|try again|continue to|keep|attempt)",
    r"delivery attempts will",
    r"no (?:further )?action (?:is )?(?:required|needed)",
    r"not (?:need to )?re-?send",
    r"warning(?: message)? only",
)
_END = _any(
    r"(?:gave|given|giving|give) up",
    r"expired",
    r"abandoned",
    r"fail(?:s|ed)? permanently",
    r"permanent(?:ly)? (?:error|fail(?:ed|ure)?|fatal)",
    r"retry timeout",
    r"no further (?:delivery )?attempts",
    r"could not be delivered",
    r"undeliverable",
)
_FAILURE = _any(
    r"(?:could|can|was|were|is|has|have)(?: ?n[o']t|not)(?: been| be)? deliver(?:ed|able)?",
    r"(?:wasn't|not|un)able to deliver",
    r"couldn't (?:be )?deliver(?:ed)?",
    r"undeliver(?:able|ed)",
    r"delivery (?:has )?fail(?:ed|ure)",
    r"fail(?:ed|ure) (?:to deliver|notice|permanently)",
    rf"{_THING} (?:is )?(?:unknown|not found|unavailable|disabled|does(?:n't| not) exist)",
    rf"(?:unknown|no such|invalid) {_THING}",
    r"no mailbox",
    r"unrouteable",
    r"(?:was|been|message|address|recipient) rejected",
    r"bounced",
    r"returned to (?:the )?sender",
    r"following address(?:es|\(es\))? failed",
)


def returned_message_id(section: str) -> str:
    """The Message-ID in header fields that came back, as part or as text; "" where there is none."""
    match = _MESSAGE_ID.search(section[: MAX_TEXT + 20_000])
    return match[1] if match else ""


def from_status(blocks: Sequence[Mapping[str, str]]) -> DeliveryReport:
    """From the blocks of a report part, names lower case: of the recipients the one that fared worst, the first of these."""
    together: dict[str, str] = {}
    for block in blocks:
        together = {**block, **together}
    chosen = min((block for block in blocks if "action" in block), key=lambda block: _rank(block["action"]), default={})
    fields = {**together, **chosen}
    action = fields.get("action", "") or fields.get("disposition", "").rpartition(";")[2]
    detail = _after_type(fields.get("diagnostic-code", ""))
    status, told = _STATUS.search(fields.get("status", "")), _STATUS.search(detail)
    if told is not None and (status is None or (_UNSPECIFIC.fullmatch(status[1]) and told[1][0] == status[1][0])):
        status = told  # «5.0.0» is said by a gateway that does not look; the far end was asked
    recipients = [_address(fields[name]) for name in ("final-recipient", "original-recipient", "x-actual-recipient") if name in fields]
    named = tuple(dict.fromkeys(filter(None, recipients)))
    return DeliveryReport(
        action=_word(action)[:20],
        status=status[1] if status else "",
        recipient=named[0] if named else "",
        recipients=named,
        original_message_id=(_ids(fields.get("original-message-id", "") or fields.get("x-original-message-id", "")) or ("",))[0],
        detail=_short(detail),
    )


def from_prose(
    body: str, *, failed: Sequence[str], sender: str, null_return_path: bool, own: Iterable[str], subject: str = "", message_id: str = ""
) -> DeliveryReport | None:
    """From the text of a mail, or None where it reports nothing.

    ``failed``: the values of X-Failed-Recipients; ``own``: addresses that it was sent to, which are not the ones it
    speaks of; ``message_id``: of a message that came back with it, as a part of its own.
    """
    reporter = _REPORTER.fullmatch(sender.rpartition("@")[0]) is not None
    if not (failed or reporter or null_return_path):
        return None
    text = body[:MAX_TEXT]
    copy = _COPY.search(text)
    said = text[: copy.start()] if copy else text
    returned = message_id or returned_message_id(text)
    status = _STATUS.search(said)
    code = _REPLY_CODE.search(said)
    action = "failed" if failed else _action(f"{subject}\n{said}", status[1] if status else "", code[1] if code else "")
    # A null return path is an out-of-office's as well: that, and nothing of a delivery, is no report.
    if not (failed or action) or not (failed or reporter or returned or status):
        return None
    others = {address.casefold() for address in (*own, sender, returned.strip("<>"))}
    listed = [address.strip().strip("<>") for value in failed for address in value.split(",")]
    named = [address for address in (*listed, *_ADDRESS.findall(said)) if address and address.casefold() not in others]
    named = list(dict.fromkeys(address.strip(".'")[:320] for address in named))[:10]
    return DeliveryReport(
        action=action,
        status=status[1] if status else "",
        recipient=named[0] if named else "",
        recipients=tuple(named),
        original_message_id=returned,
        detail=_short(_line_with(said, status or code)),
    )


def _action(text: str, status: str, code: str) -> str:
    """Failed, delayed, or "" where nothing is said of either."""
    if status.startswith("5"):
        return "failed"
    late, over = _DELAY.search(text) is not None, _END.search(text) is not None
    if status.startswith("4") or (late and not code.startswith("5")):
        return "failed" if over and not late else "delayed"
    if over or _FAILURE.search(text) is not None or (code.startswith("5") and late is False and "deliver" in text.casefold()):
        return "failed"
    return "delayed" if late else ""


def _word(action: str) -> str:
    """«failed» of «Failed (bad address)», «displayed» of «displayed/error»."""
    return re.split(r"[/(]", action, maxsplit=1)[0].strip().lower()


def _rank(action: str) -> int:
    word = _word(action)
    return _RANK.index(word) if word in _RANK else len(_RANK)


def _after_type(value: str) -> str:
    """«smtp; 550 5.1.1 ...» without the type."""
    kind, semicolon, rest = value.partition(";")
    return (rest if semicolon and " " not in kind.strip() else value).strip()


def _address(value: str) -> str:
    """«rfc822; anne@example.org», also in angle brackets or without the type."""
    return value.rpartition(";")[2].strip().strip("<>")[:320]


def _ids(value: str) -> tuple[str, ...]:
    return tuple(re.findall(r"<[^<>\s]{1,990}>", value))


def _line_with(text: str, found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"
