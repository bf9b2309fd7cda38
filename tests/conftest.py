"""Fixtures that more than one test module needs."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from model import artifact
from model.schema import EXAMPLE, FEATURES, SCHEMA_VERSION, Choice
from model.scorecard import Scorecard, from_document
from settings import Settings


@pytest.fixture
def make_customer() -> Callable[..., dict[str, object]]:
    """A valid customer but for the values given; a value of None stays, `...` leaves the field out."""

    def make(**values: object) -> dict[str, object]:
        return {name: value for name, value in {**EXAMPLE, **values}.items() if value is not ...}

    return make


@pytest.fixture
def customer(make_customer) -> dict[str, object]:
    """The customer of the seed document."""
    return make_customer()


@pytest.fixture(scope="session")
def scorer() -> Scorecard:
    """The model that is served by default."""
    return artifact.load()


@pytest.fixture(scope="session")
def app(scorer) -> Flask:
    return create_app(scorer, Settings())


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def toy_scorecard() -> Scorecard:
    """A small made-up model, for tests of how rather than what."""
    terms = []
    for place, feature in enumerate(FEATURES, start=1):
        if isinstance(feature, Choice):
            points = {str(value): (code - 0.7) * place / 7 for code, value in enumerate(feature.values)}
            terms.append({"feature": feature.name, "table": points})
        else:
            top = {"tenure": 72, "MonthlyCharges": 120}.get(feature.name, 8600)
            knots = [top * step / 7 for step in range(1, 8)]
            terms.append({"feature": feature.name, "knots": knots, "points": [0.9, 0.4, 0.1, -0.2, 0.05, -0.4, -1 / 3]})
    document = {
        "version": "0.0.1",
        "schema_version": SCHEMA_VERSION,
        "threshold": 0.3,
        "tiers": {"high": 0.5, "medium": 0.25, "low": 0},
        "intercept": -1.2,
        "ranges": {},
        "terms": terms,
    }
    return from_document(document, "0" * 64)
