"""Provider secrets at rest: AES-256-GCM under a key derived from the site's secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = "k1"
NONCE_BYTES = 12


class SecretUnreadableError(Exception):
    """The secret was sealed with another key, for another row, or has been changed."""


def seal(plain: str, key: str, aad: str) -> str:
    """`aad` names where the secret lives (table and row), so that it opens nowhere else."""
    derived = _derive(key)
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(derived).encrypt(nonce, plain.encode(), aad.encode())
    return f"{VERSION}.{_key_id(derived)}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def open_sealed(sealed: str, keys: str | Sequence[str], aad: str) -> str:
    """`keys` are the site's present secret and, while it rotates, its former ones."""
    version, _, rest = sealed.partition(".")
    key_id, _, payload = rest.partition(".")
    if version != VERSION:
        raise SecretUnreadableError("not a sealed secret")
    for key in [keys] if isinstance(keys, str) else keys:
        derived = _derive(key)
        if _key_id(derived) == key_id:
            return _open(payload, derived, aad)
    raise SecretUnreadableError("sealed with a key that this site does not have")


def sealed_with(sealed: str, key: str) -> bool:
    """False tells a rotation that this secret still has to be sealed again."""
    return sealed.startswith(f"{VERSION}.{_key_id(_derive(key))}.")


def _open(payload: str, derived: bytes, aad: str) -> str:
    try:
        raw = _decoded(payload)
        return AESGCM(derived).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], aad.encode()).decode()
    except (InvalidTag, ValueError, binascii.Error):
        raise SecretUnreadableError("changed, or sealed for another row") from None


def _decoded(payload: str) -> bytes:
    """Refuses a last letter whose spare bits were changed: one secret has one text."""
    raw = base64.b64decode(payload, altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).decode() != payload:
        raise ValueError(payload)
    return raw


def _derive(key: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"kora provider secrets")
    return kdf.derive(key.encode())


def _key_id(derived: bytes) -> str:
    return hashlib.sha256(b"kora key id" + derived).hexdigest()[:8]
