"""Keys and encryption at rest (DESIGN 10).

One master key (a 0600 file) wraps one random key per customer; AES-256-GCM throughout (NIST SP 800-38D), with the
owner's id as associated data, so that a payload cannot be moved to another row. Keys for blind indexes and for the
audit chain are derived from the master key by HKDF-SHA256 (RFC 5869). Destroying a customer's key erases the data.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fraudray.domain.errors import SettingsError

_NONCE = 12
_KEY = 32


class Box:
    """Encrypts and decrypts under one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Ciphertext of `plain`, bound to `owner`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """The plain bytes. Raises ValueError when the key, the owner or the bytes are not the same."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
        except InvalidTag:
            raise ValueError(f"cannot be decrypted for {owner}: another key, or the bytes were changed") from None


class Vault:
    """The master key and everything derived from it."""

    def __init__(self, master: bytes) -> None:
        if len(master) != _KEY:
            raise SettingsError("the master key must have 32 bytes")
        self._master = Box(_derive(master, b"wrap"))
        self._blind = _derive(master, b"blind-index")
        self.house = Box(_derive(master, b"house"))
        """For what belongs to no one customer: list entries, webhook secrets. Bound to the row's id as owner."""
        self.audit_key = _derive(master, b"audit-chain")

    @classmethod
    def open(cls, path: Path) -> Vault:
        """The vault of a key file, made (mode 0600) when it does not exist. Raises SettingsError."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        except OSError as error:
            raise SettingsError(f"cannot make the master key {path}: {error.strerror}") from None
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(_KEY) + "\n")
                file.flush()
                os.fsync(file.fileno())
        return cls.existing(path)

    @classmethod
    def existing(cls, path: Path) -> Vault:
        """The vault of a key file that is there. Raises SettingsError."""
        try:
            return cls(bytes.fromhex(path.read_text().strip()))
        except (OSError, ValueError) as error:
            raise SettingsError(f"cannot read the master key {path}: {error}") from None

    def new_customer_key(self, customer_id: str) -> tuple[bytes, Box]:
        """A fresh key: as it is stored (wrapped), and ready to use."""
        key = secrets.token_bytes(_KEY)
        return self._master.seal(key, customer_id), Box(key)

    def customer_box(self, wrapped: bytes, customer_id: str) -> Box:
        """The box of a stored customer key."""
        return Box(self._master.open(wrapped, customer_id))

    def blind_index(self, kind: str, value: str) -> bytes:
        """A keyed hash by which equal values are found without being readable."""
        return hmac.digest(self._blind, f"{kind}\0{value}".encode(), hashlib.sha256)


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=b"fraudray/" + purpose).derive(master)
