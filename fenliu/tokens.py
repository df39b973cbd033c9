"""Words of a text: jieba's segmentation with HMM off and the project's own words added.

rjieba gives the same words as jieba several times faster; `tests/fenliu/test_tokens.py` proves
that on the corpus with our lexicon. Every word needs a frequency, for both tokenisers guess a
missing one differently.
"""

from pathlib import Path

import rjieba

from fenliu.errors import RuleError


def read_lexicon(path: Path) -> list[tuple[str, int]]:
    """Words and frequencies of a lexicon file (`word frequency`, `#` comments)."""
    words: list[tuple[str, int]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"lexicon {path} cannot be read as UTF-8: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, frequency = line.strip().partition(" ")
        if not frequency.isdigit() or int(frequency) == 0:
            raise RuleError(f"{path}:{number}: write `word frequency`, such as `电瓶车 2000`")
        words.append((word, int(frequency)))
    return words


class Tokeniser:
    """Cuts text into words. Raises RuleError for an unusable lexicon."""

    def __init__(self, lexicon: Path) -> None:
        self._jieba = rjieba.Jieba()
        for word, frequency in read_lexicon(lexicon):
            self._jieba.add_word(word, frequency, "n")

    def cut(self, text: str) -> list[str]:
        """Words of a text, in order; their concatenation is the text."""
        return self._jieba.cut(text, False)
