"""The envelope sender of our answers (RFC 5321 section 4.5.5): none, an address, or one for each answer.

    ""                                null: nothing comes back, as RFC 3834 section 3.3 asks of responders
    car@union.example                 reports come to that mailbox
    car+b.{token}@union.example       and the address itself tells which answer a report is about

The token is the keyed digest that the answer's Message-ID is made of: nobody can make one up, and whoever has one was
sent that answer. docs/adr/0011 has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from notify.addresses import AddressError, checked_address

__all__ = ["TOKEN", "BounceAddress"]

TOKEN = "{token}"  # noqa: S105 - what is replaced by one
_IDENTIFIER = re.compile(rb"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?<mailroom\.([0-9a-f]{40})@([^<>\s]{1,255})>")


class BounceAddress:
    """``setting`` is what config.yaml says; ``domain`` that of our Message-IDs. Raises AddressError for what is no address."""

    def __init__(self, setting: str, domain: str = "") -> None:
        self.setting, self.domain = setting, domain.casefold()
        local, _, host = setting.rpartition("@")
        if setting and (TOKEN in host or setting.count(TOKEN) > 1):
            raise AddressError(f"{TOKEN} may stand once, before the @")
        if setting:
            checked_address(setting.replace(TOKEN, "0" * 40))
        before, token, after = local.casefold().partition(TOKEN)
        host = re.escape(host.casefold())
        self._pattern = re.compile(rf"{re.escape(before)}([0-9a-f]{{40}}){re.escape(after)}@{host}") if token else None

    def sender_of(self, content: bytes) -> str:
        """The envelope sender of a message of ours; where it has no token of its own, the address without one."""
        if TOKEN not in self.setting:
            return self.setting
        found = _IDENTIFIER.search(content.partition(b"\r\n\r\n")[0])
        return self.setting.replace(TOKEN, found[1].decode("ascii")) if found else self.plain

    @property
    def plain(self) -> str:
        """The address that the tokens are added to: car@union.example of car+b.{token}@union.example; "" where it is none."""
        if TOKEN not in self.setting:
            return self.setting
        local, _, host = self.setting.rpartition("@")
        base, plus, _ = local.partition("+")
        return f"{base}@{host}" if plus and TOKEN not in base else ""

    def identifiers(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """The Message-IDs of the answers whose reports these addresses take."""
        if self._pattern is None:
            return ()
        found = (self._pattern.fullmatch(address.strip("<> ").casefold()) for address in addresses)
        return tuple(dict.fromkeys(f"<mailroom.{match[1]}@{self.domain}>" for match in found if match))
