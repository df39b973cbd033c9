"""Stage 8: record the run in MLflow and the bundle in its registry.

The bundle is logged as a pyfunc model that carries the `fenliu` package with it, so MLflow's own
tools and Spark can run it without this checkout.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# MLflow reads these once, when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.utils.logging_utils import disable_logging

from fenliu.bundle import Bundle
from fenliu.paths import HOME

EXPERIMENT = "fenliu"
MODEL_NAME = "fenliu"
_REQUIREMENTS = ["numpy", "pandas", "rjieba", "opencc", "pyyaml"]
_PYFUNC = Path(__file__).with_name("pyfunc.py")


def default_tracking_uri() -> str:
    """MLFLOW_TRACKING_URI where it is set, else a SQLite file in the checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{HOME / 'mlflow.db'}")


def register(
    bundle: Bundle,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    artefacts: list[Path],
    tracking_uri: str,
) -> dict[str, str]:
    """Log one run and register its model. Returns run id, model version and tracking URI.

    `params` and `metrics` are flat; `artefacts` are files or folders.
    """
    _quieten()
    mlflow.set_tracking_uri(tracking_uri)
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        location = (HOME / "mlartifacts").as_uri() if tracking_uri.startswith("sqlite") else None
        mlflow.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        mlflow.log_params(dict(params))
        mlflow.log_metrics(dict(metrics))
        mlflow.set_tag("model_version", bundle.model_version)
        mlflow.set_tag("policy_version", bundle.policy_version)
        for artefact in artefacts:
            log = mlflow.log_artifacts if artefact.is_dir() else mlflow.log_artifact
            log(str(artefact), artefact.name if artefact.is_dir() else None)
        info = log_bundle(bundle)
    return {
        "run_id": run.info.run_id,
        "registered_version": str(info.registered_model_version),
        "tracking_uri": tracking_uri,
    }


def log_bundle(bundle: Bundle) -> Any:
    """Log the bundle as a registered pyfunc model within the active run."""
    example = pd.DataFrame({"text": ["报警人称老板欠三个月工钱不给"]})
    output = pd.DataFrame(
        {"action": ["divert"], "owner": ["mediation_centre"], "type": ["0602"], "decision": ["{}"]}
    )
    return mlflow.pyfunc.log_model(
        name="model",
        python_model=str(_PYFUNC),
        artifacts={"bundle": str(bundle.path)},
        code_paths=[str(HOME / "fenliu")],
        signature=infer_signature(example, output),
        pip_requirements=_REQUIREMENTS,
        registered_model_name=MODEL_NAME,
    )


def _quieten() -> None:
    disable_logging()  # type: ignore[no-untyped-call]  # its notes go to standard error, past the logging module
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="mlflow")
