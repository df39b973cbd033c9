"""The fitted pipeline behind BentoML, in an environment of its own."""

import bentoml
import joblib

from fenliu import paths
from fenliu.taxonomy import load_taxonomy


@bentoml.service(workers=1)
class Narratives:
    """Names the three most probable types of a narrative."""

    def __init__(self) -> None:
        self.labels = load_taxonomy(paths.TAXONOMY).labels
        self.pipeline = joblib.load(paths.STAGES / "pipeline.joblib")

    @bentoml.api
    def predict(self, text: str) -> list[dict[str, float | str]]:
        """The three most probable types."""
        probabilities = self.pipeline.predict_proba([text])[0]
        return [
            {"code": self.labels[place], "probability": float(probabilities[place])}
            for place in probabilities.argsort()[:-4:-1]
        ]
