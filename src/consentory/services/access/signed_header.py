"""Read the Authorization header of PNAUTHINFO3, and make the checks that need no key (account.md).

    Authorization: PNAUTHINFO3-HMAC-SHA256 Credential=<UserId>/<ISO 8601 time> Signature=<base64>

The signature is an HMAC of the UTF-8 text `clientId:userId:time` with SHA-256, SHA-384 or SHA-512. The time in that
text has the same letters as in the header. Clients write the header in different ways:

- The names may be in upper or lower case.
- White space, commas and semicolons may separate the two parts.
- A part may be in quotation marks, and white space may stand around its first `=`.
- The padding of the signature may be missing.
- The time may have seconds, a fraction of any length, and an offset. A time without an offset is UTC.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from consentory.codec.limits import LENGTHS
from consentory.errors import RequestRefused

OLDEST = timedelta(minutes=15)
FARTHEST_AHEAD = timedelta(seconds=60)

_PREFIX = "pnauthinfo"
_ALGORITHMS = {f"pnauthinfo3-hmac-{name}": name for name in ("sha256", "sha384", "sha512")}
_LONGEST = 1000
_LONGEST_USER = LENGTHS["User"]["id"].most
_GAP = r"(?:\s*[,;]\s*|\s+)"
_FORM = re.compile(
    rf'credential\s*=\s*"?([A-Za-z0-9_.@-]{{1,{_LONGEST_USER}}})/([^\s;"]{{1,50}}?)"?{_GAP}signature\s*=\s*"?([A-Za-z0-9+/]+)={{0,2}}"?',
    re.IGNORECASE,
)
_TIME = re.compile(r"[0-9W-]+T[0-9:]+(?:[.,][0-9]+)?(?:Z|[+-][0-9:]+)?")


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """The parts of a header. `algorithm`: a name of hashlib. `time`: the text that was signed."""

    algorithm: str
    user_id: str
    time: str
    signature: bytes

    def is_signed_with(self, key: bytes, client_id: str) -> bool:
        """True if this key of the account made the signature. A right and a wrong signature take the same time."""
        text = f"{client_id}:{self.user_id}:{self.time}"
        return hmac.compare_digest(hmac.digest(key, text.encode("utf-8", "replace"), self.algorithm), self.signature)

    def fingerprint(self) -> bytes:
        """16 bytes that identify this signature, and do not show it."""
        return hashlib.sha256(self.signature).digest()[:16]


def is_signed_scheme(scheme: str) -> bool:
    """True if a scheme of the Authorization header is a PNAUTHINFO scheme, supported or not."""
    return scheme.lower().startswith(_PREFIX)


def read_signed_header(scheme: str, value: str) -> SignedHeader:
    """The parts of the header. Raises RequestRefused, unauthorized: Auth.HmacUnkeyed (a scheme without a key),
    Auth.HmacAlgorithmUnknown, Auth.HmacMalformed."""
    algorithm = _ALGORITHMS.get(scheme.lower())
    if algorithm is None and "-hmac-" not in scheme.lower():
        raise refuse_signature(
            "Auth.HmacUnkeyed", "This scheme signs without a key, so anybody can sign. Use PNAUTHINFO3-HMAC-SHA256."
        )
    if algorithm is None:
        raise refuse_signature(
            "Auth.HmacAlgorithmUnknown",
            "The algorithm of PNAUTHINFO3 must be HMAC-SHA256, HMAC-SHA384 or HMAC-SHA512.",
        )
    match = _FORM.fullmatch(value.strip()) if len(value) <= _LONGEST else None
    if match is not None:
        user_id, time, text = match.groups()
        try:
            signature = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except binascii.Error:
            signature = b""
        if len(signature) == hashlib.new(algorithm).digest_size:
            return SignedHeader(algorithm, user_id, time, signature)
    raise refuse_signature(
        "Auth.HmacMalformed",
        "The text after the scheme must be: Credential=<UserId>/<ISO 8601 time> Signature=<base64 of the"
        f" {algorithm} bytes>.",
    )


def check_time(time: str, now: datetime) -> None:
    """Raises RequestRefused, unauthorized: Auth.HmacTimeMalformed, Auth.HmacTimeTooOld, Auth.HmacTimeInFuture."""
    try:
        moment = datetime.fromisoformat(time if _TIME.fullmatch(time) else "")
    except ValueError:
        raise refuse_signature(
            "Auth.HmacTimeMalformed", "The time in Credential must be an ISO 8601 time, like 2026-11-21T14:05:00Z."
        ) from None
    age = now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if age > OLDEST:
        raise refuse_signature(
            "Auth.HmacTimeTooOld",
            f"The time in Credential is over {OLDEST.seconds // 60} minutes old. The server's time is {_say(now)}.",
        )
    if age < -FARTHEST_AHEAD:
        raise refuse_signature(
            "Auth.HmacTimeInFuture",
            f"The time in Credential is over {FARTHEST_AHEAD.seconds} seconds ahead. The server's time is {_say(now)}.",
        )


def refuse_signature(code: str, detail: str) -> RequestRefused:
    """The refusal of a PNAUTHINFO3 header."""
    headers = {"WWW-Authenticate": 'PNAUTHINFO3-HMAC-SHA256 realm="consentory"'}
    return RequestRefused("unauthorized", code, detail, headers=headers)


def _say(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
