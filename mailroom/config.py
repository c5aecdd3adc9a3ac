"""config.yaml: what an operator sets, validated before anything is touched.

Every mistake is a ``Misconfigured`` that names file, line and key, what is wrong and, for an unknown
key, the nearest known one. Secrets stand nowhere in the file: they name an environment variable or a
file and are read only when they are needed. Relative paths are relative to the file.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from mailroom.errors import Misconfigured
from notify.addresses import AddressError
from notify.envelope import TOKEN, BounceAddress

__all__ = [
    "Config",
    "DeskConfig",
    "DigestConfig",
    "ImapConfig",
    "MailboxConfig",
    "OAuth2Config",
    "OidcConfig",
    "RepliesConfig",
    "Secret",
    "SmtpConfig",
    "data_folder",
    "find_config",
    "load_config",
]

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "k": 1000, "kb": 1000, "mb": 1000**2, "m": 1000**2, "gb": 1000**3}


def _duration(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?\s*", value)):
        return timedelta(seconds=float(match[1]) * _UNITS[match[2] or ""])
    raise ValueError("should be a duration such as 60s, 5m or 1h")


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", value.lower())) and match[2] in _SIZES:
        return int(match[1]) * _SIZES[match[2]]
    raise ValueError("should be a size such as 25MB")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Secret(_Model):
    """Where a secret stands: ``{env: NAME}`` or ``{file: PATH}``."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_here(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a secret does not stand in this file: name an environment variable {env: NAME} or a file {file: PATH}")
        return value

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("give one of env or file")
        return self

    def reveal(self) -> str:
        """The secret itself; raises Misconfigured saying what is missing."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise Misconfigured(f"environment variable {self.env} is not set (config.yaml names it as a password or secret); set it and start again")
            return value
        assert self.file is not None  # noqa: S101 - validated above
        try:
            return self.file.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise Misconfigured(f"password file {self.file}: {error.strerror}; create it, readable by mailroom only") from error


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(value: str) -> str:
    """An address that secrets are sent to: encrypted, or on this machine."""
    parts = urlsplit(value)
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not _loopback(parts.hostname)):
        raise ValueError("should be an address that begins with https://")
    return value


def _words(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class CertificateConfig(_Model):
    """A certificate that stands for the application: PEM with its key in it or beside it, or PKCS #12."""

    file: Path
    key: Path | None = None
    password: Secret | None = None


class OAuth2Config(_Model):
    """How access tokens are got. With ``token_file`` a user signs in; without, the application is itself the one."""

    provider: Literal["microsoft", "google", "other"]
    tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]+$")
    client_id: str | None = None
    client_secret: Secret | None = None
    certificate: CertificateConfig | None = None
    service_account: Path | None = None
    token_file: Path | None = None
    expires: date | None = None
    authority: Endpoint | None = None
    authorization_endpoint: Endpoint | None = None
    token_endpoint: Endpoint | None = None
    scope: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    ca_file: Path | None = None
    timeout: Duration = timedelta(seconds=30)

    @property
    def delegated(self) -> bool:
        return self.token_file is not None

    @model_validator(mode="after")
    def _complete(self) -> OAuth2Config:
        given = {name for name, value in self if value not in (None, ())} - _ALWAYS
        ways = _WAYS[self.provider]
        if not any(needed <= given <= needed | allowed for needed, allowed in ways):
            told = "; or ".join(", ".join(sorted(needed)) for needed, _ in ways)
            strange = sorted(given - frozenset().union(*(needed | allowed for needed, allowed in ways)))
            raise ValueError(f"provider {self.provider} takes one of these together: {told}" + (f"; it has no {', '.join(strange)}" if strange else ""))
        if self.expires is not None and self.client_secret is None:
            raise ValueError("expires is the client secret's date; a certificate's is read from itself")
        return self


_Keys = frozenset[str]
_ALWAYS = frozenset({"provider", "scope", "ca_file", "timeout", "expires"})
_WAYS: dict[str, tuple[tuple[_Keys, _Keys], ...]] = {
    # what must stand there together, and what may; docs/operation.md says which to take
    "microsoft": (
        (frozenset({"tenant", "client_id", "client_secret"}), frozenset({"authority"})),
        (frozenset({"tenant", "client_id", "certificate"}), frozenset({"authority"})),
        (frozenset({"tenant", "client_id", "token_file"}), frozenset({"authority"})),
    ),
    "google": (
        (frozenset({"service_account"}), frozenset()),
        (frozenset({"client_id", "client_secret", "token_file"}), frozenset({"authorization_endpoint", "token_endpoint"})),
    ),
    "other": (
        (frozenset({"client_id", "client_secret", "token_endpoint"}), frozenset()),
        (frozenset({"client_id", "token_endpoint", "token_file"}), frozenset({"client_secret", "authorization_endpoint"})),
    ),
}


def _one_way_in(user: str | None, password: Secret | None, oauth2: OAuth2Config | None, host: str, tls: str) -> None:
    """The rules of a login that IMAP and SMTP share."""
    if password is not None and oauth2 is not None:
        raise ValueError("give one of password and oauth2, not both")
    if oauth2 is not None and tls == "none" and not _loopback(host):
        raise ValueError("oauth2 needs an encrypted connection (RFC 6750 section 5.3): set tls to implicit or starttls")
    if user is not None and any(not c.isprintable() for c in user):
        raise ValueError("user: a control character stands in it")


class ImapConfig(_Model):
    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    ca_file: Path | None = None
    user: str
    password: Secret | None = None
    oauth2: OAuth2Config | None = None
    folder: str = "INBOX"
    timeout: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _login(self) -> ImapConfig:
        _one_way_in(self.user, self.password, self.oauth2, self.host, self.tls)
        if self.password is None and self.oauth2 is None:
            raise ValueError("give one of password and oauth2")
        return self


class MoveTo(_Model):
    move: str = Field(min_length=1)


class MailboxConfig(_Model):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    imap: ImapConfig | None = None
    maildir: Path | None = None
    folder: Path | None = None
    every: Duration = timedelta(seconds=60)
    idle: bool = True
    after: Literal["leave"] | MoveTo = "leave"
    max_size: Size = 50_000_000

    @model_validator(mode="after")
    def _one_kind(self) -> MailboxConfig:
        if sum(kind is not None for kind in (self.imap, self.maildir, self.folder)) != 1:
            raise ValueError("give one of imap, maildir or folder")
        if self.every < timedelta(seconds=1):
            raise ValueError("every: at least 1s")
        return self

    @property
    def move_to(self) -> str | None:
        return self.after.move if isinstance(self.after, MoveTo) else None


class SmtpConfig(_Model):
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    ca_file: Path | None = None
    user: str | None = None
    password: Secret | None = None
    oauth2: OAuth2Config | None = None
    envelope_sender: str = ""
    timeout: Duration = timedelta(seconds=30)
    provider: Literal["microsoft", "google", "other"] | None = None  # None: as the host's name tells
    per_minute: int | None = Field(default=None, ge=0)  # None: as the provider allows; 0: no limit
    per_day: int | None = Field(default=None, ge=0)

    @field_validator("envelope_sender")
    @classmethod
    def _bounce_address(cls, value: str) -> str:
        try:
            BounceAddress(value)
        except AddressError as error:
            raise ValueError(f'should be "" (null), an address, or one such as car+b.{TOKEN}@union.example: {error}') from error
        return value

    @model_validator(mode="after")
    def _login(self) -> SmtpConfig:
        _one_way_in(self.user, self.password, self.oauth2, self.host, self.tls)
        if (self.user is None) != (self.password is None and self.oauth2 is None):
            raise ValueError("user and password (or oauth2) belong together: give both, or neither for a server that asks for none")
        return self


class SentFolderConfig(_Model):
    mailbox: str
    folder: str = Field(default="auto", min_length=1)
    copies: Literal["auto"] | bool = "auto"
    wait: Duration = timedelta(minutes=5)


class RepliesConfig(_Model):
    mode: Literal["hold", "send"] = "hold"
    from_: str = Field(alias="from")
    smtp: SmtpConfig | None = None
    sent_folder: SentFolderConfig | None = None
    not_before: AwareDatetime | None = None
    own_addresses: tuple[str, ...] = ()
    per_address_a_day: int = Field(default=3, ge=1)
    per_domain_an_hour: int = Field(default=500, ge=1)
    per_hour: int = Field(default=1000, ge=1)
    plus_addressing: bool = False

    @field_validator("from_")
    @classmethod
    def _address(cls, value: str) -> str:
        _, address = parseaddr(value)
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or any(c in value for c in "\r\n"):
            raise ValueError('should be an address such as "Action Research <car@union.example>"')
        return value

    @model_validator(mode="after")
    def _can_send(self) -> RepliesConfig:
        if self.mode == "send" and self.smtp is None:
            raise ValueError("mode: send needs smtp: (the server that takes the answers)")
        return self

    @property
    def own(self) -> frozenset[str]:
        """All our own addresses, lower case."""
        return frozenset(address.casefold() for address in (parseaddr(self.from_)[1], *self.own_addresses))

    @property
    def own_domains(self) -> tuple[str, ...]:
        """The domains of our own addresses, lower case."""
        return tuple(sorted({address.rpartition("@")[2] for address in self.own}))

    @property
    def own_names(self) -> tuple[str, ...]:
        """The display name that our answers carry, if any: what a quote of them begins with."""
        return tuple(name for name in (parseaddr(self.from_)[0],) if name)


class ConversationsConfig(_Model):
    window: Duration = timedelta(days=60)


def _time_of_day(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:  # YAML 1.1 reads 17:30 as a number in base 60
        return f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, str) and (match := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value.strip())):
        return f"{int(match[1]):02}:{match[2]}"
    raise ValueError('should be a time of day such as "07:30"')


class DigestConfig(_Model):
    to: tuple[str, ...] = Field(min_length=1)
    at: Annotated[str, BeforeValidator(_time_of_day)] = "07:30"
    names: bool = True

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+", address):
                raise ValueError(f"«{address}» should be an address such as coordinator@union.example, without a name")
        return value


class OidcConfig(_Model):
    """Logging in to the desk by the organisation's provider. ``allowed``: addresses that get an account at their first login."""

    provider: Literal["microsoft", "google", "other"]
    issuer: Endpoint | None = None
    client_id: str
    client_secret: Secret
    allowed: dict[str, Literal["viewer", "coordinator", "administrator"]] = {}
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_issuer(self) -> OidcConfig:
        if self.issuer is None and self.provider != "google":
            raise ValueError("issuer is missing" + (": https://login.microsoftonline.com/TENANT-ID/v2.0" if self.provider == "microsoft" else ""))
        if self.provider == "microsoft" and re.search(r"/(?:common|organizations|consumers)(?:/|$)", self.issuer or ""):
            raise ValueError("issuer should be that of one tenant: another tenant's user names are not ours to believe")
        for address in self.allowed:
            if not re.fullmatch(r"[^@\s<>,;*]+@[^@\s<>,;*]+\.[^@\s<>,;*]+", address):
                raise ValueError(f"allowed: «{address}» should be an address such as anne@union.example")
        return self

    @property
    def issued_by(self) -> str:
        return self.issuer or "https://accounts.google.com"


class DeskConfig(_Model):
    url: str | None = None
    links_valid: Duration = timedelta(days=7)
    idle: Duration = timedelta(hours=12)
    longest: Duration = timedelta(days=14)
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    oidc: OidcConfig | None = None

    @model_validator(mode="after")
    def _lasting(self) -> DeskConfig:
        if not timedelta(minutes=5) <= self.idle <= self.longest <= timedelta(days=90):
            raise ValueError("idle should be at least 5m, longest no shorter than idle and at most 90d")
        if self.oidc is not None and self.url is None:
            raise ValueError("oidc needs url: the provider sends people back to it")
        return self

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https://[^\s<>\"'?#]+|http://(?:127\.0\.0\.1|localhost)(?::\d+)?(?:/[^\s<>\"'?#]*)?", value):
            raise ValueError("should be a web address such as https://mailroom.union.example (http on this machine only: its links open members' mail)")
        return value


class ProgrammeConfig(_Model):
    folder: Path | None = None
    schools: tuple[Path, ...] = ()


class StoreConfig(_Model):
    url: str = "sqlite:///mailroom.db"


class Config(_Model):
    programme: ProgrammeConfig = ProgrammeConfig()
    mailboxes: tuple[MailboxConfig, ...] = Field(min_length=1)
    replies: RepliesConfig
    conversations: ConversationsConfig = ConversationsConfig()
    digest: DigestConfig | None = None
    desk: DeskConfig | None = None
    store: StoreConfig = StoreConfig()
    engine: Literal["inprocess"] = "inprocess"

    @model_validator(mode="after")
    def _digest_can_go(self) -> Config:
        if self.digest is not None and self.replies.smtp is None:
            raise ValueError("digest: needs replies.smtp (the server that takes it)")
        return self

    @field_validator("mailboxes")
    @classmethod
    def _names(cls, value: tuple[MailboxConfig, ...]) -> tuple[MailboxConfig, ...]:
        names = [mailbox.name for mailbox in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two mailboxes are called «{name}»; the ledger needs each name once")
        return value

    @model_validator(mode="after")
    def _sent_folder(self) -> Config:
        if (sent := self.replies.sent_folder) is not None:
            of_imap = [mailbox.name for mailbox in self.mailboxes if mailbox.imap is not None]
            if sent.mailbox not in of_imap:
                known = f"; there is {', '.join(of_imap)}" if of_imap else ""
                raise ValueError(f"replies.sent_folder.mailbox: «{sent.mailbox}» is none of the mailboxes with imap{known}")
        return self


def data_folder() -> Path:
    """Where the shipped programme and config template are: inside the wheel, or the checkout."""
    inside = Path(__file__).parent / "data"
    return inside if (inside / "programme").is_dir() else Path(__file__).parent.parent


def find_config(given: str | None) -> Path:
    """The file named by --config, else $MAILROOM_CONFIG, else ./config.yaml."""
    path = Path(given or os.environ.get("MAILROOM_CONFIG") or "config.yaml")
    if not path.is_file():
        hint = "name one with --config FILE" if given is None else "check the path"
        raise Misconfigured(f"{path}: there is no such file; {hint}, or write a fresh one with «mailroom init»")
    return path


def _walk(node: yaml.Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            for below, line in _walk(value, (*path, key.value)):
                yield below, key.start_mark.line + 1 if below == (*path, key.value) else line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*path, index))


def _model_keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that are known where an unknown one stands."""
    model: Any = Config
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == part), None) if hasattr(model, "model_fields") else None
        if field is None:
            return []
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return []
    return [f.alias or name for name, f in model.model_fields.items()]


def _problem(error: Any, lines: dict[tuple[str | int, ...], int], path: Path) -> str:
    loc = tuple(part for part in error["loc"] if part not in ("MoveTo", "literal['leave']"))
    at = loc
    while at and at not in lines:
        at = at[:-1]
    key = ".".join(str(part) for part in loc) or "the file"
    kind = error["type"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(loc[-1]), _model_keys(loc), n=1, cutoff=0.5)
        known = ", ".join(_model_keys(loc))
        text = "unknown key" + (f"; did you mean «{near[0]}»?" if near else f"; known here: {known}" if known else "")
    elif kind == "missing":
        text = "is missing"
    else:
        text = error["msg"].removeprefix("Value error, ")
    return f"{path}, line {lines.get(at, 1)}: {key}: {text}"


def load_config(path: Path) -> Config:
    """Read and validate; raises Misconfigured with one line for each mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Misconfigured(f"{path}, line {mark.line + 1 if mark else 1}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict) or node is None:
        raise Misconfigured(f"{path}, line 1: should hold keys such as mailboxes: and replies: (see «mailroom init»)")
    lines = dict(_walk(node))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        errors = error.errors()
        real = [e for e in errors if e["type"] != "too_short" or len(errors) == 1]  # a list emptied by its items' mistakes is none of its own
        raise Misconfigured("\n".join(dict.fromkeys(_problem(e, lines, path) for e in real))) from error
    return _resolve(config, path.resolve().parent)


def _resolve(config: Config, base: Path) -> Config:
    """Paths relative to the file's folder; the shipped programme where none of that name stands there."""

    def at(value: Path | None) -> Path | None:
        return None if value is None else base / value.expanduser()

    def secret(value: Secret | None) -> Secret | None:
        return value if value is None or value.file is None else value.model_copy(update={"file": at(value.file)})

    def oauth2(value: OAuth2Config | None) -> OAuth2Config | None:
        if value is None:
            return None
        certificate = value.certificate and value.certificate.model_copy(
            update={"file": at(value.certificate.file), "key": at(value.certificate.key), "password": secret(value.certificate.password)}
        )
        return value.model_copy(
            update={
                "client_secret": secret(value.client_secret),
                "certificate": certificate,
                "service_account": at(value.service_account),
                "token_file": at(value.token_file),
                "ca_file": at(value.ca_file),
            }
        )

    folder = at(config.programme.folder)
    if folder is None or (config.programme.folder == Path("programme") and not folder.is_dir()):
        folder = data_folder() / "programme"
    mailboxes = []
    for mailbox in config.mailboxes:
        imap = mailbox.imap and mailbox.imap.model_copy(
            update={"ca_file": at(mailbox.imap.ca_file), "password": secret(mailbox.imap.password), "oauth2": oauth2(mailbox.imap.oauth2)}
        )
        mailboxes.append(mailbox.model_copy(update={"imap": imap, "maildir": at(mailbox.maildir), "folder": at(mailbox.folder)}))
    smtp = config.replies.smtp and config.replies.smtp.model_copy(
        update={
            "ca_file": at(config.replies.smtp.ca_file),
            "password": secret(config.replies.smtp.password),
            "oauth2": oauth2(config.replies.smtp.oauth2),
        }
    )
    oidc = config.desk.oidc if config.desk is not None else None
    if oidc is not None:
        oidc = oidc.model_copy(update={"client_secret": secret(oidc.client_secret), "ca_file": at(oidc.ca_file)})
    url = config.store.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////") and url != "sqlite:///:memory:":
        url = f"sqlite:///{base / url.removeprefix('sqlite:///')}"
    return config.model_copy(
        update={
            "programme": ProgrammeConfig(folder=folder, schools=tuple(base / school.expanduser() for school in config.programme.schools)),
            "mailboxes": tuple(mailboxes),
            "replies": config.replies.model_copy(update={"smtp": smtp}),
            "desk": config.desk and config.desk.model_copy(update={"oidc": oidc}),
            "store": StoreConfig(url=url),
        }
    )
