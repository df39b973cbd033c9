from collections import Counter
from pathlib import Path

import jieba
import pytest

from fenliu import paths
from fenliu.errors import RuleError
from fenliu.text import normalise
from fenliu.tokens import Tokeniser, read_lexicon
from training.corpus import read_corpus


def test_same_words_as_jieba_on_the_whole_corpus() -> None:
    """Their order may differ only where one character repeats: 嘟嘟|嘟 is as likely as 嘟|嘟嘟."""
    reference = jieba.Tokenizer()
    jieba.setLogLevel(60)
    reference.initialize()
    for word, frequency in read_lexicon(paths.LEXICON):
        reference.add_word(word, frequency)
    tokeniser = Tokeniser(paths.LEXICON)
    texts = [normalise(entry.row.text).matter for entry in read_corpus(paths.CORPUS)]
    pairs = [(tokeniser.cut(text), reference.lcut(text, HMM=False)) for text in texts]
    assert all(Counter(ours) == Counter(theirs) for ours, theirs in pairs)
    reordered = [
        (o, t) for ours, theirs in pairs for o, t in zip(ours, theirs, strict=True) if o != t
    ]
    assert all(len(set(ours + theirs)) == 1 for ours, theirs in reordered)


def test_lexicon_words_stay_whole() -> None:
    assert "电瓶车" in Tokeniser(paths.LEXICON).cut("我的电瓶车不见了")


def test_a_lexicon_line_without_frequency_is_named(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text("# words\n电瓶车\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"lexicon\.txt:2: write `word frequency`"):
        Tokeniser(lexicon)
