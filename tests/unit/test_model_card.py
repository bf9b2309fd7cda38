"""MODEL_CARD.md: made from metrics.json and peers.json alone."""

import json
from typing import Any

from shipped import SCHEMA

from model import artifact
from model.artifact import ARTIFACTS
from model.training.model_metrics import describe_schema
from model.training.reports import PEERS, model_card


def first_metrics() -> dict[str, Any]:
    """Return the metrics of the first model, with its schema, which it was trained before having."""
    metrics = json.loads((ARTIFACTS / "1.0.0" / "metrics.json").read_text())
    return {**metrics, "schema": describe_schema(SCHEMA)}


def test_a_card_reports_on_how_many_customers_the_metrics_were_measured():
    metrics = first_metrics()
    metrics["trained_on"]["rows"] = 500_000

    assert "All of this on 7,043 of the 500,000 customers" in " ".join(model_card(metrics).split())


def test_a_card_has_the_words_of_the_schema():
    card = " ".join(model_card(first_metrics()).split())

    assert "from ten features, and the reasons for it. The outcome is the column Churn. What it refers to: not" in card
    assert "The schema marks SeniorCitizen, Partner and Dependents as protected" in card
    assert "high begins at twice the churn rate" in card


def test_a_card_states_that_a_direction_costs_accuracy():
    metrics = first_metrics()
    cost = {"difference": 0.02, "low": 0.01, "high": 0.03}
    metrics["directions"] |= cost
    metrics["directions"]["curves"][0]["cost"] = cost

    assert "the directions cost accuracy beyond chance, that of tenure." in " ".join(model_card(metrics).split())


def test_a_cut_off_below_one_hundredth_keeps_its_digits():
    metrics = first_metrics()
    metrics["tiers"] = {"high": 0.0046, "medium": 0.0023, "low": 0.0}

    assert "high from 0.0046, medium from 0.0023 and low from 0.00" in " ".join(model_card(metrics).split())


def _figure(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "difference": (low + high) / 2, "low": low, "high": high}


def test_the_card_ranks_the_model_among_others():
    metrics = first_metrics()
    models = [
        ("Better", "peer", _figure(0.3, -0.2, -0.1)),
        ("This model", "ours", _figure(0.4, 0.0, 0.0)),
        ("Alike", "peer", _figure(0.41, -0.1, 0.1)),
        ("Worse", "variant", _figure(0.5, 0.05, 0.15)),
    ]
    rows = [{"title": title, "kind": kind, "log_loss": model, "roc_auc": model} for title, kind, model in models]

    card = model_card(metrics, {"folds": 10, "inner_folds": 3, "interval": "95 %", "models": rows})

    text = " ".join(card.split())
    assert "by mean log loss this model is number 2 of 3." in text
    assert "Worse beyond chance: Worse. Better beyond chance: Better." in text
    assert "| Alike | 0.41000 | +0.00000 | -0.10000 to +0.10000 | 0.4100 |" in card
    assert "Beside other models" not in model_card(metrics)


def test_the_stored_peers_were_measured_on_the_folds_of_the_stored_metrics():
    # If a version is trained again: make bench-model.
    metrics = json.loads((ARTIFACTS / "1.0.0" / "metrics.json").read_text())
    peers = json.loads((ARTIFACTS / "1.0.0" / PEERS).read_text())

    (ours,) = (model for model in peers["models"] if model["kind"] == "ours")
    assert peers["folds"] == len(metrics["folds"])
    for name in ("log_loss", "roc_auc", "brier"):
        assert ours[name]["mean"] == metrics["out_of_fold"][name]["mean"]


def test_the_card_is_made_from_the_metrics(two_versions):
    # Those of 1.0.0 name no schema; its card was made before models had one.
    versions = [two_versions / "1.0.0", *(ARTIFACTS / version for version in artifact.versions() if version != "1.0.0")]
    for folder in versions:
        metrics = json.loads((folder / "metrics.json").read_text())
        peers = json.loads((folder / PEERS).read_text()) if (folder / PEERS).exists() else None

        assert (folder / "MODEL_CARD.md").read_text(encoding="utf-8") == model_card(metrics, peers)


def test_a_card_of_other_columns_states_nothing_about_the_public_data():
    metrics = first_metrics()
    assert "people who had seen the public data; the nesting covers" in " ".join(model_card(metrics).split())
    metrics["schema"] |= {"target": "left", "horizon": ""}
    recent = {"rows": 300, "sha256": "ab"}
    shift = {"version": "0.9.0", "shift": -2.2, "rate": 0.1513, "mean_probability": 0.2, "data": recent}

    card = " ".join(model_card({**metrics, "recalibrated_from": shift}).split())

    assert "public data" not in card
    assert "The outcome is the column left. The schema states no horizon." in card
    assert "is 15.13%, the churn rate of 300 recent customers (sha256 ab) and no longer 20.00%." in card
    assert "stratified folds, twice, nested" in card
