"""Functions compiled to machine code on first use."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function of numbers and arrays; kept on disk where some place for it is writable.

    Python's lock is not let go: a kernel runs for microseconds, and another thread that took the
    lock meanwhile would keep it for milliseconds.
    """
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # a read-only installation without a home: compiled anew by each process
        return numba.njit(function)
