"""The bundle as an MLflow model; MLflow stores this file with the model and runs it from there."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from fenliu.classifier import Classifier


class BundleModel(PythonModel):
    """Takes a column `text`; answers action, owner, type code and the whole decision as JSON."""

    def load_context(self, context: Any) -> None:
        """Load the bundle that was logged beside this file."""
        self._classifier = Classifier.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Decide on every row; raises InvalidInput for a text that cannot be taken."""
        decisions = [self._classifier.decide(text) for text in model_input["text"]]
        return pd.DataFrame(
            {
                "action": [decision.action for decision in decisions],
                "owner": [decision.owner for decision in decisions],
                "type": [decision.type.code for decision in decisions],
                "decision": [
                    json.dumps(decision.as_dict(), ensure_ascii=False) for decision in decisions
                ],
            }
        )


set_model(BundleModel())
