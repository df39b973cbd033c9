"""The service that a first attempt would be: FastAPI, the fitted pipeline, jieba, no log."""

import jieba
import joblib
from fastapi import FastAPI
from pydantic import BaseModel

from fenliu import paths
from fenliu.taxonomy import load_taxonomy
from fenliu.tokens import read_lexicon

_TAXONOMY = load_taxonomy(paths.TAXONOMY)
_PIPELINE = joblib.load(paths.STAGES / "pipeline.joblib")


class _Jieba:
    """The same words as the project's tokeniser, from jieba itself."""

    def __init__(self) -> None:
        for word, frequency in read_lexicon(paths.DATA / "lexicon.txt"):
            jieba.add_word(word, frequency)

    def cut(self, text: str) -> list[str]:
        return list(jieba.lcut(text, HMM=False))


for _name, _vectorizer in _PIPELINE.named_steps["features"].transformer_list:
    if _name == "words":
        _vectorizer.analyzer._tokeniser = _Jieba()

app = FastAPI()


class CallIn(BaseModel):
    """A narrative."""

    text: str


class CandidateOut(BaseModel):
    """A type and its probability."""

    code: str
    probability: float


@app.post("/predict")
def predict(call: CallIn) -> list[CandidateOut]:
    """The three most probable types."""
    probabilities = _PIPELINE.predict_proba([call.text])[0]
    return [
        CandidateOut(code=_TAXONOMY.labels[place], probability=float(probabilities[place]))
        for place in probabilities.argsort()[:-4:-1]
    ]
