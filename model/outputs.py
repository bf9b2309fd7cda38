"""Every output column once: name, type, help, how it is made, and the option that asks for it. Standard library only.

The writers of CSV, NDJSON and Arrow, the JSON answers and their JSON Schemas, the query options of HTTP, the options of
the command and the settings of bucket and folder are made from `COLUMNS`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from model.errors import ChurnError
from model.output_option import MAX_REASONS, TRUE_FALSE, JsonSchema, OutputOption
from model.schema import CHURN, NOT_CHURN, TIERS, Schema

NEEDS_MONEY: Final = "needs a column of money, and the schema of the model has none."
"""Why an option is refused, after its name."""

_TEXT: Final[JsonSchema] = {"type": "string"}


class Column(NamedTuple):
    """One column of the results.

    Attributes
    ----------
    name : str
    help : str
    json_type : dict
        JSON Schema of a cell.
    option : OutputOption, optional
        What asks for it in lists; None for a column that every list has. One customer's answer has every column.
    """

    name: str
    help: str
    json_type: JsonSchema
    option: OutputOption | None = None

    @property
    def json_schema(self) -> JsonSchema:
        """The JSON Schema of a cell, described."""
        return {**self.json_type, "description": self.help}


class ComputedColumn(NamedTuple):
    """A column of numbers; the writers make all others themselves.

    Attributes
    ----------
    name, help, json_type, option
        As in `Column`.
    compute : callable
        From the schema, the typed features and the score to the number, unrounded; None where it has none. Called with
        those of one customer, or with arrays of shape (rows,) of a block, NaN where there is none.
    is_in : callable
        Whether the results of a model with a schema have the column.
    decimals : int
        Of the number as it is written.
    is_on_request : bool
        Whether one customer's answer, too, has the column only where it is asked for.
    """

    name: str
    help: str
    json_type: JsonSchema
    option: OutputOption | None
    compute: Callable[[Schema, Mapping[str, Any], Any], Any]
    decimals: int = 2
    is_in: Callable[[Schema], bool] = lambda _schema: True
    is_on_request: bool = False

    @property
    def json_schema(self) -> JsonSchema:
        """The JSON Schema of a cell, described."""
        return {**self.json_type, "description": self.help}


ROW: Final = Column("row", "From 1, the first row after the header", {"type": "integer", "minimum": 1})
IDENTITY: Final = Column("id", "As it was given; absent where none was", _TEXT)
"""Its name in results is that of the schema's id."""

PREDICTION: Final = Column("prediction", "Whether the probability reaches the threshold", {"enum": [CHURN, NOT_CHURN]})
PROBABILITY: Final = Column(
    "probability",
    "Of churn, at four decimals; label and tier come from the unrounded one",
    {"type": "number", "minimum": 0, "maximum": 1},
)
TIER: Final = Column("tier", "The highest tier whose least probability is reached", {"enum": list(TIERS)})
ERROR: Final = Column("error", "What is wrong with a row that has no prediction", _TEXT)


def value_at_risk(schema: Schema, features: Mapping[str, Any], score: Any) -> Any:
    """Return money x probability, None where the money of one customer is missing."""
    money = features[schema.money or ""]
    return None if money is None else money * score.probability


VALUE_AT_RISK: Final = ComputedColumn(
    "value_at_risk",
    "{money} x probability, at two decimals",
    {"type": "number"},
    OutputOption("value_at_risk", "Add {money} x probability, at two decimals", in_every_job=True),
    compute=value_at_risk,
    is_in=lambda schema: schema.money is not None,
)
"""In its help and that of its option, {money} is the schema's."""

PROBABILITY_INTERVAL: Final = OutputOption(
    "probability_interval",
    "Add the 95 % interval of the probability, by how much the model may be off",
)
PROBABILITY_LOW: Final = ComputedColumn(
    "probability_low",
    "The lower bound of the 95 % interval of the probability, at four decimals",
    PROBABILITY.json_type,
    PROBABILITY_INTERVAL,
    compute=lambda _schema, _features, score: score.probability_low,
    decimals=4,
    is_on_request=True,
)
PROBABILITY_HIGH: Final = PROBABILITY_LOW._replace(
    name="probability_high",
    help="The upper bound of the 95 % interval of the probability, at four decimals",
    compute=lambda _schema, _features, score: score.probability_high,
)

REASON_COUNT: Final = OutputOption(
    "reasons",
    "How many reasons to give, the strongest first",
    maximum=MAX_REASONS,
    shorter="ask for fewer reasons",
    in_every_job=True,
)
DEFAULT_REASONS: Final = 3
"""For one customer as JSON."""

REASONS: Final = Column(
    REASON_COUNT.name, "What moves this customer's risk, the strongest first", {"type": "array"}, REASON_COUNT
)
NOTES: Final = Column(
    "notes",
    "What to know about the score: numbers beyond the training data, or that do not fit each other",
    {"type": "array", "items": _TEXT},
    OutputOption(
        "notes", "Add notes: numbers beyond the training data, or that do not fit each other", shorter="leave notes out"
    ),
)
"""One text in a table. One customer as JSON has them always."""

INCLUDE_INPUT: Final = OutputOption(
    "include_input", "Add the columns of the file", shorter="leave include_input out", in_every_job=True
)
INPUT: Final = Column(
    "input", "The row's own cells by column", {"type": "object", "additionalProperties": _TEXT}, INCLUDE_INPUT
)
SPREADSHEET_SAFE: Final = OutputOption(
    "spreadsheet_safe",
    "Put an apostrophe before what a spreadsheet would run as a formula",
    in_every_job=True,
)

COLUMNS: tuple[Column | ComputedColumn, ...] = (
    *(ROW, IDENTITY, PREDICTION, PROBABILITY, TIER, ERROR),
    VALUE_AT_RISK,
    *(PROBABILITY_LOW, PROBABILITY_HIGH),
    REASONS,
    NOTES,
    INPUT,
)
"""In the order of a CSV, where the reasons are a column each, and the input's columns have their own names."""


def computed_columns(schema: Schema, options: "OutputOptions | None" = None) -> list[ComputedColumn]:
    """Return the columns that are computed: those of one customer's answer, or those of lists with these options."""
    computed = [column for column in COLUMNS if isinstance(column, ComputedColumn) and column.is_in(schema)]
    if options is None:
        return [column for column in computed if not column.is_on_request]
    return [column for column in computed if column.option is None or options[column.option.name]]


def output_options() -> list[OutputOption]:
    """Return what callers may ask of the results, in the order in which it is documented."""
    options = [column.option for column in COLUMNS if column.option]
    return [*dict.fromkeys(options), SPREADSHEET_SAFE]


def options_of(schema: Schema, terms: int, has_interval: bool) -> list[OutputOption]:
    """Return what callers may ask of the results of one model, with so many terms."""
    absent = [column.option for column in COLUMNS if isinstance(column, ComputedColumn) and not column.is_in(schema)]
    absent += [] if has_interval else [PROBABILITY_INTERVAL]
    return [_option_of(option, schema, terms) for option in output_options() if option not in absent]


def _option_of(option: OutputOption, schema: Schema, terms: int) -> OutputOption:
    maximum = terms if option == REASON_COUNT else option.maximum
    return option._replace(help=help_of(option.help, schema), maximum=maximum)


def help_of(text: str, schema: Schema | None = None) -> str:
    """Return a help with the name of the schema's money in it."""
    return text.replace("{money}", (schema.money if schema else None) or "the money of the schema")


def reason_names(count: int) -> list[str]:
    """Return the names of the columns that so many reasons have in a table."""
    return [f"{REASONS.name.removesuffix('s')}_{number}" for number in range(1, count + 1)]


class OutputOptions(Mapping[str, Any]):
    """The value of each output option, its default where none is given.

    Parameters
    ----------
    **values : int or bool
        By the name of the option.
    """

    def __init__(self, **values: Any) -> None:
        defaults = {option.name: option.default for option in output_options()}
        unknown = values.keys() - defaults.keys()
        if unknown:
            raise TypeError(f"no such output options: {', '.join(sorted(unknown))}")
        self._values = {**defaults, **values}

    def __getitem__(self, name: str) -> Any:
        """Return the value of an option."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many options there are."""
        return len(self._values)

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"OutputOptions({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    @property
    def reasons(self) -> int:
        """How many reasons each row has."""
        return int(self[REASON_COUNT.name])

    @property
    def notes(self) -> bool:
        """Whether rows have notes."""
        return bool(self[NOTES.name])

    @property
    def include_input(self) -> bool:
        """Whether rows have the columns of the file."""
        return bool(self[INCLUDE_INPUT.name])

    @property
    def probability_interval(self) -> bool:
        """Whether rows have the interval of their probability."""
        return bool(self[PROBABILITY_INTERVAL.name])

    @property
    def spreadsheet_safe(self) -> bool:
        """Whether cells that a spreadsheet would run as formulas are made text."""
        return bool(self[SPREADSHEET_SAFE.name])

    def fit(self, schema: Schema, terms: int) -> "OutputOptions":
        """Return the options, those of the environment, as a model with this schema and so many terms can follow them.

        Raises
        ------
        ChurnError
            If more is asked for than the model has.
        """
        # Whether there are intervals is known when they are read.
        offered = {option.name: option for option in options_of(schema, terms, has_interval=True)}
        for option in output_options():
            value, own = self[option.name], offered.get(option.name)
            if value and own is None:
                raise ChurnError(f"{option.variable} {NEEDS_MONEY}")
            if own and own.maximum is not None and own.maximum < value < MAX_REASONS:
                raise ChurnError(f'{option.variable} must be {own.rule(TRUE_FALSE)}, not "{value}".')
        return OutputOptions(**{**self._values, REASON_COUNT.name: min(self.reasons, terms)})

    def identity(self) -> dict[str, Any]:
        """Return the values that are part of a job's identity: no defaults, so that a new option changes none."""
        return {
            option.name: self[option.name]
            for option in output_options()
            if option.in_every_job or self[option.name] != option.default
        }


def choose(values: Mapping[str, Any]) -> OutputOptions:
    """Return the output options among other options."""
    return OutputOptions(**{option.name: values[option.name] for option in output_options() if option.name in values})


def shorter_answers(values: Mapping[str, Any]) -> Iterable[str]:
    """Return how to ask for shorter answers than these options give, as clauses."""
    return [option.shorter for option in output_options() if option.shorter and values[option.name]]
