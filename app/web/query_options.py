"""The options in the query: one table, from which requests are read and the API is described.

An unknown option is refused: with a misspelt threshold, customers would be scored with another one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask import request

from app.web.errors import RequestError
from app.web.service import service
from model.errors import InputError, listed, show
from model.output_option import TRUE_FALSE, OutputOption
from model.outputs import (
    DEFAULT_REASONS,
    PROBABILITY_INTERVAL,
    REASON_COUNT,
    options_of,
    output_options,
)
from model.scorecard import Scorer
from model.validate import read_number

REPORT, REFUSE, SKIP = "report", "refuse", "skip"
PREDICTIONS, REJECTS = "predictions", "rejects"
_SHOWN_OPTIONS: Final = 10
MAX_TOP: Final = 1000
"""The highest `top`: the summary is in memory."""


class QueryOption(NamedTuple):
    """One option in the query.

    Attributes
    ----------
    parse : callable
        From its text to its value; None for a text that is not accepted.
    rule : str
        What is accepted, as the second half of "... must be".
    schema : dict
        The same as JSON Schema, for the API description.
    output : OutputOption, optional
        What it asks of the results; a model may have less of it, or none.
    """

    name: str
    help: str
    default: Any
    parse: Callable[[str], Any]
    rule: str
    schema: Mapping[str, Any]
    output: OutputOption | None = None


def _whole(maximum: int) -> Callable[[str], int | None]:
    def parse(text: str) -> int | None:
        return int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) and int(text) <= maximum else None

    return parse


def _probability(text: str) -> float | None:
    number = read_number(text)
    return number if number is not None and 0 < number < 1 else None


def _output_option(option: OutputOption, default: int | None = None) -> QueryOption:
    default = option.default if default is None else default
    return QueryOption(
        option.name,
        option.help,
        default if option.maximum is None else min(default, option.maximum),
        option.parse,
        option.rule(TRUE_FALSE, quote='"'),
        option.json_schema,
        option,
    )


def _one_of(name: str, help: str, words: Sequence[str]) -> QueryOption:
    quoted = [f'"{word}"' for word in words]
    parse = {word: word for word in words}.get
    return QueryOption(name, help, words[0], parse, listed(quoted, last="or"), {"type": "string", "enum": list(words)})


_THRESHOLD: Final = QueryOption(
    "threshold",
    "The lowest probability that is labelled churn, instead of the model's own",
    None,
    _probability,
    "a number between 0 and 1, such as 0.35",
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
)

_CHARSET: Final = QueryOption(
    "charset",
    "The encoding of the file, where its Content-Type does not state it",
    None,
    str,
    "utf-8, utf-16, latin-1 or windows-1252",
    {"type": "string", "examples": ["latin-1"]},
)

CUSTOMER_BATCH: Final = (
    _one_of("on_error", "Whether a file with bad rows is refused, or the others are scored", (REFUSE, SKIP)),
    _CHARSET,
)
"""/v1/customerbatch reads them itself and ignores others."""

NONE: Final = ()
CUSTOMERS: Final = (
    _output_option(REASON_COUNT, DEFAULT_REASONS),
    _output_option(PROBABILITY_INTERVAL),
    _THRESHOLD,
)
WHAT_IF: Final = (_THRESHOLD,)
BATCHES: Final = (
    _one_of("on_error", "Whether bad rows are reported in place, or the file is refused", (REPORT, REFUSE)),
    _one_of("output", "Whether the CSV has every row, or only bad ones, unchanged", (PREDICTIONS, REJECTS)),
    *map(_output_option, output_options()),
    _THRESHOLD,
    QueryOption(
        "top",
        "How many customers the summary names, those with most value at risk",
        10,
        _whole(MAX_TOP),
        f"a whole number from 0 to {MAX_TOP:,}",
        {"type": "integer", "minimum": 0, "maximum": MAX_TOP},
    ),
    _CHARSET,
)


def offered_by(scorer: Scorer) -> dict[str, OutputOption]:
    """Return what callers may ask of the results of a model, by name."""
    # A cold start for one customer of v1 does without.
    from model.explain import terms_of
    from model.interval import is_available

    return {option.name: option for option in options_of(scorer.schema, len(terms_of(scorer)), is_available(scorer))}


def resolve(options: Sequence[QueryOption], offered: Mapping[str, OutputOption]) -> list[QueryOption]:
    """Return some options as a model that offers so much has them, without those that it has not."""
    return [
        _output_option(offered[option.name], option.default) if option.output else option
        for option in options
        if option.output is None or option.name in offered
    ]


def read_options(options: Sequence[QueryOption]) -> dict[str, Any]:
    """Return the value of each of some options in this request, without those that the model has not.

    Raises
    ------
    RequestError
        unknown_option, bad_option.
    InputError
        no_interval.
    """
    known = resolve(options, service().output_options())
    names = [option.name for option in known]
    unknown = [show(name) for name in request.args if name not in names]
    may_ask = any(option.name == PROBABILITY_INTERVAL.name for option in options)
    if may_ask and PROBABILITY_INTERVAL.name in request.args and PROBABILITY_INTERVAL.name not in names:
        raise InputError("no_interval", version=service().scorer.version)
    if unknown:
        raise RequestError("unknown_option", names=listed(unknown[:_SHOWN_OPTIONS]), known=listed(names) or "none")
    return {option.name: _value(option) for option in known}


def _value(option: QueryOption) -> Any:
    texts = request.args.getlist(option.name)
    if not texts:
        return option.default
    if len(texts) > 1:
        raise RequestError("bad_option", name=option.name, rule="given once", value=", ".join(texts))
    value = option.parse(texts[0].strip())
    if value is None:
        raise RequestError("bad_option", name=option.name, rule=option.rule, value=texts[0])
    return value
