"""The schema as people read it: the CSV template and the table of features in docs/api.md. Standard library only."""

import csv
import io
from typing import Final

from model.schema import COLUMNS, CUSTOMER_ID, EXAMPLE, FEATURES, TENURE, Categorical, Feature

EXAMPLE_ID: Final = "0001-EXMPL"


def template() -> str:
    """Return a CSV with every column and the example customer."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerow({CUSTOMER_ID: EXAMPLE_ID, **EXAMPLE})
    return text.getvalue()


def feature_table() -> str:
    """Return the features as a Markdown table: name, meaning, what is accepted."""
    rows = [("feature", "meaning", "accepted"), ("---", "---", "---")]
    rows += [(f"`{feature.name}`", feature.help, _accepted(feature)) for feature in FEATURES]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _accepted(feature: Feature) -> str:
    if isinstance(feature, Categorical):
        also = [*feature.also, *(str(flag).lower() for flag in feature.booleans)]
        words = ", ".join(str(word) for word in feature.values)
        return f"{words}; also {', '.join(also)}" if also else words
    noun = "whole number" if feature.whole else "number"
    accepted = f"{noun} from {feature.minimum:,.0f} to {feature.maximum:,.0f}, {feature.unit}"
    return f"{accepted}; blank where {TENURE} is 0" if feature.blank_is_zero_when_new else accepted
