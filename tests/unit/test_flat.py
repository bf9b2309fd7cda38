"""A number with the direction "flat" is accepted and moves no score, whatever the recipe."""

import numpy as np
import pytest

from model.pipeline import to_frame
from model.schema import Categorical, Numeric, Schema, Target
from model.training import boosting, ebm, spline
from model.training.spline import knots_of, points_of

SCHEMA = Schema(
    features=(
        Numeric(name="bill", minimum=0, maximum=1e6, direction="flat", accepts_missing=True),
        Categorical(name="plan", values=("A", "B")),
        Numeric(name="age", minimum=0, maximum=120),
    ),
    example={"bill": 1.0, "plan": "A", "age": 1.0},
    target=Target("left"),
)
RECIPES = {
    "spline": (spline.fit, spline.SETTINGS[3]),
    "ebm": (ebm.fit, ebm.Setting(pairs=2, bags=2)),
    "boosting": (boosting.fit, boosting.SETTINGS[0]),
}


def frame(bills):
    count = len(bills)
    plans = ["A", "B"] * (count // 2)
    return to_frame({"bill": bills, "plan": plans, "age": [float(index % 60) for index in range(count)]}, SCHEMA)


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_score_moves_with_it(recipe):
    fit, setting = RECIPES[recipe]
    generator = np.random.default_rng(3)
    bills = generator.uniform(0, 100, 400)
    y = (generator.uniform(0, 100, 400) < bills).astype(int)
    model = fit(SCHEMA, frame(bills.tolist()), y, setting)

    moved = [model.decision_function(frame(column)).tolist() for column in ([0.0] * 40, [90.0] * 40, [None] * 40)]

    assert moved[0] == moved[1] == moved[2]
    assert len(set(moved[0])) > 1


def test_the_curve_of_a_spline_is_one_point_at_zero():
    model = spline.fit(
        SCHEMA, frame([float(index) for index in range(400)]), np.array([0, 1] * 200), spline.SETTINGS[3]
    )

    assert (knots_of(SCHEMA, model, "bill"), points_of(SCHEMA, model)["bill"]) == ([0.0], [0.0, 0.0])
