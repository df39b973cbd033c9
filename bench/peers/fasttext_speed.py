"""FastText on the project's words, asked over standard input how long a text takes."""

import json
import sys
import time
from pathlib import Path

import fasttext

from fenliu.features import word_features
from fenliu.text import normalise
from fenliu.tokens import Tokeniser


def main() -> None:
    """Train, print the accuracy, then answer each count with microseconds a text."""
    folder, lexicon = Path(sys.argv[1]), Path(sys.argv[2])
    tokeniser = Tokeniser(lexicon)
    train, test = (
        [json.loads(line) for line in (folder / f"{name}.jsonl").open(encoding="utf-8")]
        for name in ("train", "test")
    )

    def words(text: str) -> str:
        return " ".join(word_features(normalise(text), tokeniser))

    labelled = folder / "labelled.txt"
    labelled.write_text("".join(f"__label__{k} {words(t)}\n" for t, k in train), encoding="utf-8")
    model = fasttext.train_supervised(
        str(labelled), epoch=50, lr=0.5, dim=100, wordNgrams=2, minCount=1, thread=1, verbose=0
    )
    right = [model.predict(words(text))[0][0] == f"__label__{kind}" for text, kind in test]
    print(sum(right) / len(right), flush=True)
    for line in sys.stdin:
        texts = [text for text, _ in test[: int(line)]]
        started = time.perf_counter()
        for text in texts:
            model.predict(words(text), k=3)
        print((time.perf_counter() - started) / len(texts) * 1e6, flush=True)


if __name__ == "__main__":
    main()
