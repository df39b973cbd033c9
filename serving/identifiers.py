"""Identifiers of decisions and requests: 128 random bits as 32 hexadecimal digits."""

import os

_SIZE = 16
_POOL = 256


class Identifiers:
    """Draws randomness for many at once: asking the system for each lets go of Python's lock."""

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def new(self) -> str:
        """An identifier that nobody has had."""
        if not self._left:
            drawn = os.urandom(_SIZE * _POOL)
            self._left = [drawn[i : i + _SIZE] for i in range(0, len(drawn), _SIZE)]
        return self._left.pop().hex()


new_id = Identifiers().new
