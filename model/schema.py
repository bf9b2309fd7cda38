"""The ten features and customerID: the only place where they are written down.

Validation, CSV columns, the API description, the form, the training transformers, the Spark schema and docs/api.md's
table are all made from `FEATURES`. Imports model.text and nothing beyond the standard library.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from model.text import clean

SCHEMA_VERSION: Final = 1
"""Raised by one whenever a feature is added, dropped or read differently; an artifact names the one it was built
for."""

CUSTOMER_ID: Final = "customerID"
TARGET: Final = "Churn"

Word = str | int
"""The canonical spelling of a word, as the data has it: text, or 0 and 1 for SeniorCitizen."""

Value = str | int | float
Customer = dict[str, Value]
"""One valid customer: feature name to canonical word, whole months (int) or money (float)."""


def fold(text: str) -> str:
    """Return `text` cleaned and, where it is ASCII, in lower case: two words are the same when they fold to the same.

    Beyond ASCII nothing is folded, because lower() would turn look-alikes such as the Kelvin sign into plain letters.
    """
    text = clean(text)
    return text.lower() if text.isascii() else text


@dataclass(frozen=True, slots=True)
class Categorical:
    """A feature that takes one of a few words.

    Attributes
    ----------
    values : tuple of str or int
        The canonical words in the order in which forms show them; their index is the code used in bulk.
    also : mapping of str to str or int
        Folded spellings accepted in addition to the canonical ones.
    booleans : mapping of bool to str or int
        What JSON's true and false mean; empty where a boolean is an error.
    numbers : bool
        Whether a JSON number equal to a canonical value is accepted (SeniorCitizen: 0, 1, 0.0, 1.0).
    phrases : mapping of str or int to str
        Each word as the beginning of a sentence about a customer.
    actionable : bool
        Whether a retention team can offer a change of it.
    """

    name: str
    help: str
    values: tuple[Word, ...]
    phrases: Mapping[Word, str]
    also: Mapping[str, Word] = field(default_factory=dict)
    booleans: Mapping[bool, Word] = field(default_factory=dict)
    numbers: bool = False
    actionable: bool = False
    spellings: Mapping[str, Word] = field(init=False, repr=False)
    rule: str = field(init=False, repr=False)
    """The rule as the second half of a sentence: `must be "A", "B" or "C"`."""

    def __post_init__(self) -> None:
        words: dict[str, Word] = {fold(str(value)): value for value in self.values}
        words.update(self.also)
        words.update({str(flag).lower(): word for flag, word in self.booleans.items()})
        # The exact spellings too: most cells hold one, and then nothing has to be folded.
        words.update({str(value): value for value in self.values})
        object.__setattr__(self, "spellings", MappingProxyType(words))
        shown = [str(value) if self.numbers else f'"{value}"' for value in self.values]
        object.__setattr__(self, "rule", f"must be {', '.join(shown[:-1])} or {shown[-1]}")


@dataclass(frozen=True, slots=True)
class Numeric:
    """A feature that takes a number between `minimum` and `maximum`, both allowed.

    Attributes
    ----------
    unit : str
        Unit of the number, in the plural.
    whole : bool
        Whether only whole numbers are accepted (12 and 12.0, not 12.5).
    phrase : str
        The beginning of a sentence about a customer, with {value} and, for the plural of a unit, {s}.
    changes : tuple of float
        Relative changes that a retention team can offer, such as -0.1 for ten per cent less.
    blank_is_zero_when_new : bool
        Whether a blank or null is read as 0 for a customer whose `TENURE` is 0: 11 of the 7,043 rows of the data have a
        TotalCharges of one space, and all of them have tenure 0.
    """

    name: str
    help: str
    unit: str
    minimum: float
    maximum: float
    phrase: str
    whole: bool = False
    changes: tuple[float, ...] = ()
    blank_is_zero_when_new: bool = False
    rule: str = field(init=False, repr=False)
    """The rule as the second half of a sentence."""

    def __post_init__(self) -> None:
        noun = f"a whole number of {self.unit}" if self.whole else "a number"
        object.__setattr__(self, "rule", f"must be {noun} from {self.minimum:,.0f} to {self.maximum:,.0f}")


Feature = Categorical | Numeric


def _yes_no(name: str, help: str, no: str, yes: str) -> Categorical:
    phrases: dict[Word, str] = {"No": no, "Yes": yes}
    return Categorical(name, help, values=("No", "Yes"), phrases=phrases, booleans={False: "No", True: "Yes"})


TENURE: Final = "tenure"
MONTHLY_CHARGES: Final = "MonthlyCharges"

FEATURES: Final[tuple[Feature, ...]] = (
    Categorical(
        "SeniorCitizen",
        "Whether the customer is a senior citizen",
        values=(0, 1),
        phrases={0: "Not a senior citizen", 1: "Senior citizen"},
        also={"0.0": 0, "1.0": 1, "no": 0, "yes": 1},
        booleans={False: 0, True: 1},
        numbers=True,
    ),
    _yes_no("Partner", "Whether the customer lives with a partner", no="No partner", yes="Lives with a partner"),
    _yes_no("Dependents", "Whether others depend on the customer", no="No dependents", yes="Has dependents"),
    Numeric(
        TENURE,
        "For how long the customer has been with us",
        unit="months",
        minimum=0,
        maximum=1200,
        phrase="With us for {value} month{s}",
        whole=True,
    ),
    _yes_no("PhoneService", "Whether the customer has a telephone line with us", no="No telephone", yes="Telephone"),
    Categorical(
        "InternetService",
        "The kind of internet access",
        values=("DSL", "Fiber optic", "No"),
        phrases={"DSL": "DSL internet", "Fiber optic": "Fiber optic internet", "No": "No internet"},
        actionable=True,
    ),
    Categorical(
        "Contract",
        "The term of the contract",
        values=("Month-to-month", "One year", "Two year"),
        phrases={
            "Month-to-month": "Month-to-month contract",
            "One year": "One-year contract",
            "Two year": "Two-year contract",
        },
        actionable=True,
    ),
    Categorical(
        "PaymentMethod",
        "How the customer pays",
        values=("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
        phrases={
            "Electronic check": "Pays by electronic check",
            "Mailed check": "Pays by mailed check",
            "Bank transfer (automatic)": "Pays by automatic bank transfer",
            "Credit card (automatic)": "Pays by credit card, automatically",
        },
        actionable=True,
        # The forms of this family of apps send the short names, and mean the automatic ones.
        also={"bank transfer": "Bank transfer (automatic)", "credit card": "Credit card (automatic)"},
    ),
    Numeric(
        MONTHLY_CHARGES,
        "What the customer pays a month",
        unit="dollars a month",
        minimum=0,
        maximum=1e6,
        phrase="Pays {value} a month",
        changes=(-0.1, -0.2),
    ),
    Numeric(
        "TotalCharges",
        "What the customer has paid so far",
        unit="dollars",
        minimum=0,
        maximum=1e9,
        phrase="Has paid {value} so far",
        blank_is_zero_when_new=True,
    ),
)

NAMES: Final = tuple(feature.name for feature in FEATURES)
BY_NAME: Final[Mapping[str, Feature]] = MappingProxyType({feature.name: feature for feature in FEATURES})
COLUMNS: Final = (CUSTOMER_ID, *NAMES)

CHURN: Final = "churn"
NOT_CHURN: Final = "not churn"
LABELS: Final[Mapping[str, int]] = MappingProxyType({"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0})
"""Folded spellings of the column `TARGET`: 1 for a customer who left."""

LABEL_RULE: Final = 'must be "Yes", "No", 1 or 0'

BATCH_LABELS: Final[Mapping[str, str]] = MappingProxyType({CHURN: "Churn", NOT_CHURN: "Not Churn"})
"""The labels of /v1/customerbatch, with the capitals that the seed's family of apps has there."""

TIERS: Final = ("high", "medium", "low")

EXAMPLE: Final[Mapping[str, Value]] = MappingProxyType(
    {
        "SeniorCitizen": 0,
        "Partner": "Yes",
        "Dependents": "No",
        TENURE: 12,
        "PhoneService": "Yes",
        "InternetService": "Fiber optic",
        "Contract": "Month-to-month",
        "PaymentMethod": "Electronic check",
        MONTHLY_CHARGES: 70.35,
        "TotalCharges": 844.20,
    }
)
"""The customer of the seed document: the example in the README, the API description and the template."""


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of one customer in canonical spelling.

    The entry points are more lenient than this schema (spellings, text numbers), never stricter.
    """
    properties: dict[str, object] = {CUSTOMER_ID: {"type": "string", "description": "The customer's own number"}}
    for feature in FEATURES:
        if isinstance(feature, Categorical):
            properties[feature.name] = {"enum": list(feature.values), "description": feature.help}
            continue
        number: dict[str, object] = {
            "type": "integer" if feature.whole else "number",
            "minimum": int(feature.minimum),
            "maximum": int(feature.maximum),
            "description": f"{feature.help}, in {feature.unit}",
        }
        if feature.blank_is_zero_when_new:
            number["type"] = [number["type"], "null"]
            number["description"] = f"{number['description']}; null is accepted where {TENURE} is 0"
        properties[feature.name] = number
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Customer",
        "type": "object",
        "properties": properties,
        "required": list(NAMES),
        "examples": [dict(EXAMPLE)],
    }
