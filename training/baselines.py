"""What simpler means achieve on the same rows, so that a reader can judge the model.

Each baseline learns from the same training rows and names one label for each text.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fenliu.taxonomy import Taxonomy
from training.fit import Words
from training.rows import Row

Baseline = Callable[[Sequence[Row], Sequence[str], Taxonomy, Path], list[str]]

_FASTTEXT = """
import sys
import fasttext
model = fasttext.train_supervised(sys.argv[1], epoch=50, lr=0.5, dim=100, wordNgrams=2, minCount=1,
                                  thread=1, verbose=0)
for line in open(sys.argv[2], encoding="utf-8"):
    print(model.predict(line.rstrip("\\n"))[0][0].removeprefix("__label__"))
"""


def majority(
    rows: Sequence[Row], texts: Sequence[str], taxonomy: Taxonomy, lexicon: Path
) -> list[str]:
    """Always the commonest label."""
    commonest = Counter(row.type for row in rows).most_common(1)[0][0]
    return [commonest] * len(texts)


def keyword_rules(
    rows: Sequence[Row], texts: Sequence[str], taxonomy: Taxonomy, lexicon: Path
) -> list[str]:
    """The type whose name and definition share most with the text, rare words counting more.

    What a table of keywords made from the item lists achieves; it learns nothing from the rows.
    """
    words = Words(lexicon)
    vectorizer = TfidfVectorizer(analyzer=words, sublinear_tf=True)
    lists = vectorizer.fit_transform([f"{k.name}，{k.definition}" for k in taxonomy.types])
    best = np.asarray((vectorizer.transform(texts) @ lists.T).argmax(axis=1)).ravel()
    return [taxonomy.types[place].code for place in best]


def word_regression(
    rows: Sequence[Row], texts: Sequence[str], taxonomy: Taxonomy, lexicon: Path
) -> list[str]:
    """Jieba's words, TF-IDF, logistic regression with scikit-learn's settings."""
    model = make_pipeline(
        TfidfVectorizer(analyzer=Words(lexicon)), LogisticRegression(max_iter=300)
    )
    model.fit([row.text for row in rows], [row.type for row in rows])
    return list(model.predict(texts))


def fast_text(
    rows: Sequence[Row], texts: Sequence[str], taxonomy: Taxonomy, lexicon: Path
) -> list[str]:
    """FastText on words and word pairs, in a process of its own (it fails beside other fits)."""
    words = Words(lexicon)
    with tempfile.TemporaryDirectory() as folder:
        train, test = Path(folder, "train.txt"), Path(folder, "test.txt")
        train.write_text(
            "".join(f"__label__{row.type} {' '.join(words(row.text))}\n" for row in rows),
            encoding="utf-8",
        )
        test.write_text("".join(f"{' '.join(words(text))}\n" for text in texts), encoding="utf-8")
        command = [sys.executable, "-c", _FASTTEXT, str(train), str(test)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


BASELINES: dict[str, Baseline] = {
    "majority": majority,
    "keyword rules": keyword_rules,
    "jieba words + LR": word_regression,
    "fastText": fast_text,
}


def judge_baselines(
    rows: Sequence[Row], test: Sequence[Row], taxonomy: Taxonomy, lexicon: Path
) -> pd.DataFrame:
    """Accuracy of each baseline at the three levels; fastText only where it is installed."""
    texts = [row.text for row in test]
    right = [row.type for row in test]
    lines = []
    for name, baseline in BASELINES.items():
        if name == "fastText" and importlib.util.find_spec("fasttext") is None:
            continue
        predicted = baseline(rows, texts, taxonomy, lexicon)
        pairs = list(zip(right, predicted, strict=True))
        lines.append(
            {
                "model": name,
                "type_top1": np.mean([r == p for r, p in pairs]),
                "category": np.mean(
                    [taxonomy.category_of(r) == taxonomy.category_of(p) for r, p in pairs]
                ),
                "owner": np.mean([taxonomy.owner_of(r) == taxonomy.owner_of(p) for r, p in pairs]),
            }
        )
    return pd.DataFrame(lines)
