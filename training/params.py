"""params.yaml as typed settings."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from fenliu.errors import ConfigurationError
from training.certify import CertifySettings
from training.fit import FitSettings


@dataclass(frozen=True)
class CorpusSettings:
    """Section `corpus`."""

    minimum_per_type: int
    near_duplicate: float
    repeating_batches: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitSettings:
    """Section `split`."""

    calibration_batches: tuple[str, ...]
    test_batches: tuple[str, ...]


@dataclass(frozen=True)
class Params:
    """All sections; each value is explained in params.yaml."""

    corpus: CorpusSettings
    split: SplitSettings
    fit: FitSettings
    certify: CertifySettings
    gates: dict[str, float]


def read_params(path: Path) -> Params:
    """Read params.yaml; raises ConfigurationError naming the value that cannot be used."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(raw, Params)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{path} cannot be used: {reason}") from error
