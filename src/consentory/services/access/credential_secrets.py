"""The stored form of the secrets of credentials: a hash.

A secret has 256 random bits, so a slow hash would protect it no better than a fast one. The hash is an HMAC-SHA256
under the secret key of the installation. A credential of an earlier release has an Argon2id hash, which stays valid.
The first login with the right secret replaces it by an HMAC. After a change of the secret key, the first login replaces
the HMAC.
"""

from __future__ import annotations

import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from consentory.services.access.secret_box import SecretBox

_SCHEME = "hmac-sha256"
_PURPOSE = "credential secret"
_ARGON2 = PasswordHasher()


class CredentialSecrets:
    """Hashes and verifies secrets under the keys of a box. Threads may share this."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def hash(self, secret: str) -> str:
        """The text to store: `$hmac-sha256$KEY$DIGEST`. Raises SecretKeyError if there is no secret key."""
        return self._hash(secret, self._box.secret_key_id)

    def verify(self, stored: str, secret: str) -> bool:
        """True if `stored` is a hash of the secret. False for a hash under a secret key that is not given."""
        scheme, key_id, _ = (*stored.split("$")[1:], "", "", "")[:3]
        if scheme != _SCHEME:
            return _verify_argon2(stored, secret)
        return self._box.has_key(key_id) and hmac.compare_digest(self._hash(secret, key_id), stored)

    def is_current(self, stored: str) -> bool:
        """True if a new hash of the same secret would have the same scheme and key."""
        return stored.startswith(f"${_SCHEME}${self._box.secret_key_id}$")

    def _hash(self, secret: str, key_id: str) -> str:
        return f"${_SCHEME}${key_id}${self._box.make_mac(key_id, _PURPOSE, secret).hex()}"


def _verify_argon2(stored: str, secret: str) -> bool:
    try:
        return _ARGON2.verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False
