"""What the desk is told of config.yaml: by `mailroom desk`, which serves it, `check`, which asks its provider, and the demo."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desk.security import Settings
    from mailroom.config import Config

__all__ = ["settings_of"]


def settings_of(config: Config, host: str = "127.0.0.1") -> Settings:
    from desk.oidc import Provider
    from desk.security import Settings
    from mailroom.config import DeskConfig
    from store import Role

    given = config.desk or DeskConfig()
    provider = None
    if (oidc := given.oidc) is not None:
        provider = Provider(
            oidc.provider,
            issuer=oidc.issued_by,
            client_id=oidc.client_id,
            secret=oidc.client_secret.reveal,
            allowed={address: Role(role) for address, role in oidc.allowed.items()},
            ca_file=oidc.ca_file,
        )
    hosts = frozenset() if _anywhere(host) else frozenset({host})
    return Settings(url=given.url or "", hosts=hosts, idle=given.idle, longest=given.longest, provider=provider)


def _anywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
