"""A certificate that stands for the application: its PEM, its key, and the date on which it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from mailroom.errors import Misconfigured

if TYPE_CHECKING:
    from mailroom.config import CertificateConfig

__all__ = ["Certificate", "load_certificate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    pem: str
    key_pem: str = field(repr=False)
    ends: datetime


def load_certificate(config: CertificateConfig) -> Certificate:
    """Raises Misconfigured where files are missing, are no certificate and RSA key, or do not belong together."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key, pkcs12
    except ImportError as error:
        raise Misconfigured("oauth2.certificate needs the package cryptography; install it with pip install '.[microsoft]' in mailroom's folder") from error
    password = config.password.reveal().encode() if config.password is not None else None
    path = config.file
    try:
        content = path.read_bytes()
        if path.suffix.lower() in (".pfx", ".p12"):
            key, certificate, _ = pkcs12.load_key_and_certificates(content, password)
        else:
            certificate = x509.load_pem_x509_certificate(content)
            path = config.key or path
            key = load_pem_private_key(content if config.key is None else path.read_bytes(), password)
    except OSError as error:
        raise Misconfigured(f"oauth2.certificate {path}: {error.strerror}; correct the path, readable by mailroom only") from error
    except (ValueError, TypeError) as error:
        raise Misconfigured(
            f"oauth2.certificate {path}: cannot be read ({str(error)[:120]}); it should be a PEM file with certificate and key (or the key in "
            "certificate.key), or a .pfx; where the key is encrypted, certificate.password says where its password stands"
        ) from error
    if certificate is None or not isinstance(key, RSAPrivateKey):
        raise Misconfigured(f"oauth2.certificate {path}: needs a certificate and an RSA key; make one with «openssl req -x509 -newkey rsa:3072»")
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*spki) != certificate.public_key().public_bytes(*spki):
        raise Misconfigured(f"oauth2.certificate {path}: the key belongs to another certificate; name the two that were made together")
    return Certificate(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        ends=certificate.not_valid_after_utc,
    )
