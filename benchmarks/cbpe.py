"""The expected figures of `churn estimate` by NannyML, for benchmarks/cbpe.json: what tests compare ours with.

NannyML brings some hundred packages, so it runs in an environment of its own, with Python 3.11:

    python3.11 -m venv cbpe && cbpe/bin/pip install nannyml==0.13.1 statsmodels
    NML_DISABLE_USAGE_LOGGING=1 cbpe/bin/python benchmarks/cbpe.py > benchmarks/cbpe.json
"""

import json
import random
import sys

CASES = {"a quarter leaves": (1.2, 3.3, 1000, 0.33), "one in a hundred leaves": (0.3, 20, 1000, 0.05)}
"""By name: the parameters of a beta distribution, how many customers, and the threshold."""


def draw(first: float, second: float, count: int, seed: int) -> list[float]:
    """Return probabilities with four decimals, as results have them."""
    generator = random.Random(seed)  # noqa: S311 (no secret)
    return [round(min(max(generator.betavariate(first, second), 0.0001), 0.9999), 4) for _ in range(count)]


def main() -> None:
    """Print the probabilities and NannyML's figures as JSON."""
    import nannyml
    import numpy as np
    from nannyml.performance_estimation.confidence_based import metrics

    cases = []
    for name, (first, second, count, threshold) in CASES.items():
        # The class CBPE may change probabilities by an isotonic regression first; its functions take them as they are.
        probabilities = np.array(draw(first, second, count, seed=2))
        labels = (probabilities >= threshold).astype(int)
        figures = {
            "roc_auc": metrics.estimate_roc_auc(probabilities, probabilities),
            "precision": metrics.estimate_precision(labels, probabilities),
            "recall": metrics.estimate_recall(labels, probabilities),
            "f1": metrics.estimate_f1(labels, probabilities),
            "accuracy": metrics.estimate_accuracy(labels, probabilities),
        }
        numbers = {metric: float(figure) for metric, figure in figures.items()}
        cases.append(
            {"name": name, "threshold": threshold, "figures": numbers, "probabilities": probabilities.tolist()}
        )
    json.dump({"nannyml": nannyml.__version__, "cases": cases}, sys.stdout)


if __name__ == "__main__":
    main()
