"""What a key looks like: `fl_<id>_<secret>`.

The id is stored and shown; it names a key in lists, logs and decisions. Of the secret only a
SHA-256 is stored. It has 256 random bits, so a slow password hash would add nothing but time.
"""

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass

PREFIX = "fl"
# No vowels, so that an id never spells a word, and nothing that is read for something else.
_ID_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
_ID_LENGTH = 8
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SECRET_LENGTH = 43  # 43 × log2(62) = 256 bits


@dataclass(frozen=True, slots=True)
class Token:
    """A key as its owner holds it; `repr` never shows the secret."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Token({self.key_id})"

    def text(self) -> str:
        """The key to hand over, once."""
        return f"{PREFIX}_{self.key_id}_{self.secret}"

    def digest(self) -> str:
        """What is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether the secret is the one of a stored digest, in constant time."""
        return hmac.compare_digest(self.digest(), digest)


def new_token() -> Token:
    """A key that nobody had before."""
    return Token(
        key_id="".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH)),
        secret="".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH)),
    )


def parse_token(text: str) -> Token | None:
    """The key that a text writes down; None where it is none."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or len(key_id) != _ID_LENGTH or len(secret) != _SECRET_LENGTH:
        return None
    return Token(key_id, secret) if (key_id + secret).isascii() else None
