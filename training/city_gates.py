"""What a city's held-out calls have to say before a retrained bundle is released.

Limits such as 85 % of types right were set for our test batches, where every type comes equally
often and the text always tells it. Real calls know neither, so no fixed limit would be fair to
them. Two things can be asked of them: that they do not refute the certificate, and that the new
bundle is not worse on them than the one in force.
"""

from dataclasses import dataclass

from scipy.stats import binom

from fenliu.bundle import Bundle
from fenliu.errors import GateError
from fenliu.policy import DIVERT
from training.comparison import compare
from training.scoring import Scores

# Chance with which a sound bundle is stopped by one of the questions.
SIGNIFICANCE = 0.01
_ROUNDS = 1000
_SEED = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """Why a bundle may not be released; empty where it may."""

    missed: tuple[str, ...]

    def raise_if_missed(self) -> None:
        """Raise GateError naming everything that was missed."""
        if self.missed:
            raise GateError("; ".join(self.missed))


def question(bundle: Bundle, scores: Scores, in_force: Scores | None) -> Findings:
    """Hold a bundle's scores on held-out calls of the city against certificate and predecessor."""
    found = [_refuted(bundle, scores)]
    if in_force is not None:
        found += [_worse(name, scores, in_force) for name in scores.right()]
    return Findings(tuple(finding for finding in found if finding))


def _refuted(bundle: Bundle, scores: Scores) -> str:
    certificate = bundle.policy.certificate
    if not certificate.get("certified"):
        return ""
    diverted = int((scores.actions == DIVERT).sum())
    police = scores.police_diverted_calls()
    chance = float(binom.sf(police - 1, diverted, certificate["alpha"]))
    if chance >= SIGNIFICANCE:
        return ""
    return (
        f"{police} of {diverted} diverted calls of the city are police matters, "
        f"which refutes the certified {certificate['alpha']:.2%} (p = {chance:.4f})"
    )


def _worse(name: str, scores: Scores, in_force: Scores) -> str:
    paired = compare(scores.right()[name], in_force.right()[name], _ROUNDS, _SEED)
    if paired.difference >= 0 or paired.p_value >= SIGNIFICANCE:
        return ""
    return (
        f"{name} accuracy on the city's calls is {-paired.difference:.1%} below that of the bundle "
        f"in force (p = {paired.p_value:.4f})"
    )
