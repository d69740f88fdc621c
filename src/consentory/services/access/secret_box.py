"""Secrets that must be readable, and are stored encrypted: the keys of PNAUTHINFO3 and of bearer tokens.

The secret key comes from the environment or the data folder, and is never in the database. So a copy of the database
alone shows no secret. Several secret keys may be given: the first one encrypts, and all of them decrypt, so that the
secret key can be replaced without a gap.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consentory.errors import ConsentoryError

SHORTEST_KEY = 32
"""In characters. 32 random bytes in base64 are 44 characters."""
_NONCE_BYTES = 12


class SecretKeyError(ConsentoryError):
    """The secret key is missing or too short, or another secret key is needed to decrypt."""


class SecretBox:
    """Encrypts and decrypts small secrets (AES-256-GCM, each bound to its purpose). Immutable.

    `keys`: texts of at least SHORTEST_KEY characters. A box without keys can be made, but it refuses every call.
    Raises SecretKeyError for a key that is too short.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise SecretKeyError(
                f"A secret key must have at least {SHORTEST_KEY} characters. Make one with: openssl rand -base64 32"
            )
        derived = [_derive(key) for key in dict.fromkeys(keys)]
        self._ciphers = {secret_key_id: AESGCM(cipher_key) for secret_key_id, cipher_key, _ in derived}
        self._hash_keys = {secret_key_id: hash_key for secret_key_id, _, hash_key in derived}

    @property
    def secret_key_id(self) -> str:
        """The name of the key that encrypts."""
        self._require_key()
        return next(iter(self._ciphers))

    def encrypt(self, secret: bytes, purpose: str) -> tuple[str, bytes]:
        """(name of the secret key, encrypted bytes). Only `decrypt` with the same purpose can read them."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.secret_key_id, nonce + self._ciphers[self.secret_key_id].encrypt(nonce, secret, purpose.encode())

    def decrypt(self, secret_key_id: str, encrypted: bytes, purpose: str) -> bytes:
        """The secret. Raises SecretKeyError if the bytes were encrypted under another key, or changed."""
        self._require_key()
        cipher = self._ciphers.get(secret_key_id)
        if cipher is None:
            raise SecretKeyError(
                f"The {purpose} was encrypted under the secret key {secret_key_id}, which is not given (given: "
                f"{', '.join(self._ciphers)}). Give that secret key as well (docs/authentication.md), or make new keys."
            )
        try:
            return cipher.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], purpose.encode())
        except InvalidTag:
            raise SecretKeyError(f"The {purpose} was changed in the database. Revoke it, and make a new one.") from None

    def hash_subject(self, text: str) -> bytes:
        """16 bytes in place of a text that must not be stored."""
        self._require_key()
        hash_key = self._hash_keys[self.secret_key_id]
        return hmac.digest(hash_key, text.encode("utf-8", "surrogatepass"), "sha256")[:16]

    def has_key(self, key_id: str) -> bool:
        """True if the secret key of that name is given."""
        return key_id in self._hash_keys

    def make_mac(self, key_id: str, purpose: str, text: str) -> bytes:
        """32 bytes: the HMAC-SHA256 of a text and its purpose, under the secret key of that name."""
        message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._hash_keys[key_id], message, "sha256")

    def _require_key(self) -> None:
        if not self._ciphers:
            raise SecretKeyError(
                "There is no secret key. Set CONSENTORY_SECRET_KEY, or name a file that holds it with"
                " --secret-key-file. Make a key with: openssl rand -base64 32"
            )


def _derive(key: str) -> tuple[str, bytes, bytes]:
    """(name, key of the cipher, key of the hash) of a secret key."""
    seed = HKDF(SHA256(), 68, salt=None, info=b"consentory secret key").derive(key.encode())
    return seed[64:].hex(), seed[:32], seed[32:64]
