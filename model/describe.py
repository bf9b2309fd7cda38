"""The schema as people read it: the CSV template and the table of features in docs/api.md. Standard library only."""

import csv
import io
from typing import Final

from model.schema import Categorical, Feature, Schema
from model.text import written

EXAMPLE_ID: Final = "0001-EXMPL"


def template(schema: Schema) -> str:
    """Return a CSV with every column and the example customer."""
    text = io.StringIO()
    writer = csv.DictWriter(text, schema.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerow({**({schema.id: EXAMPLE_ID} if schema.id else {}), **schema.example})
    return text.getvalue()


def feature_table(schema: Schema) -> str:
    """Return the features as a Markdown table: name, meaning, what is accepted."""
    rows = [("feature", "meaning", "accepted"), ("---", "---", "---")]
    rows += [(f"`{feature.name}`", feature.help, _accepted(feature)) for feature in schema.features]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _accepted(feature: Feature) -> str:
    blank = "; blank" if feature.accepts_missing else ""
    if isinstance(feature, Categorical):
        also = [*feature.synonyms, *(str(flag).lower() for flag in feature.booleans)]
        words = ", ".join(str(word) for word in feature.values)
        return (
            (f"{words}; also {', '.join(dict.fromkeys(also))}" if also else words)
            + blank
            + "; any other" * feature.accepts_other
        )
    noun = "whole number" if feature.whole else "number"
    unit = f", {feature.unit}" if feature.unit else ""
    accepted = f"{noun} from {written(feature.minimum)} to {written(feature.maximum)}{unit}{blank}"
    return f"{accepted}; blank where {feature.blank.feature} is {feature.blank.value}" if feature.blank else accepted
