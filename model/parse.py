"""One customer, step 1: JSON text to raw values. Standard library only.

`resolve` decides here, for JSON objects and CSV headers alike, which column a name is.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from model.errors import CustomerError, InputError, Problem, listed, problem, show
from model.schema import Schema, fold
from model.text import clean, clean_id, in_words
from model.validate import NumberText

_LONGEST_INTEGER = 400
"""Digits. A longer JSON integer is beyond the range of float anyway, and int() is quadratic in its digits."""


def resolve(
    names: Sequence[str], schema: Schema, extra: Sequence[str] = ()
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Find the features and the id, and what else is asked for, among the names of a header or an object.

    Names are matched as `fold` leaves them; an exact name beats a twin that is spelt differently, and both beat an
    alias; others are ignored.

    Returns
    -------
    positions : dict of str to int
        The index of each name that was found.
    repeated : dict of str to list of str
        Names that more than one candidate claims with equal right, and those candidates.
    """
    by_folded = {**schema.by_folded, **{fold(name): name for name in extra}} if extra else schema.by_folded
    candidates: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        known = by_folded.get(fold(name))
        if known is not None:
            candidates.setdefault(known, []).append(position)
    positions, repeated = {}, {}
    for known, claims in candidates.items():
        exact = [position for position in claims if clean(names[position]) == known]
        own = [position for position in claims if fold(names[position]) == fold(known)]
        best = exact or own or claims  # an alias comes last
        positions[known] = best[0]
        if len(best) > 1:
            repeated[known] = [names[position] for position in best]
    return positions, repeated


_SIGNS = re.compile(r"[\W_]+")
ID_NAMES = (
    *(
        "customerid",
        "custid",
        "customernumber",
        "customerno",
        "customernr",
        "customerkey",
        "customercode",
        "customerref",
    ),
    *("clientid", "clientnumber", "accountid", "accountnumber", "accountno", "subscriberid", "userid", "memberid"),
    *("id", "customer", "client", "account", "subscriber", "kundennummer", "idcustomer", "idclient"),
)
"""What people call a column of ids, without spaces and signs; the first that a file has is meant most likely."""


def plain(name: str) -> str:
    """Return a name in lower case, without spaces and signs."""
    return _SIGNS.sub("", fold(name)).lower()


def find_alike(names: Sequence[str], wanted: str, schema: Schema) -> int | None:
    """Return which of some names is `wanted` but for spaces and signs in it, or is another word for the id."""
    candidates, own = [plain(name) for name in names], plain(wanted)
    for name in (own, *ID_NAMES) if wanted == schema.id else (own,):
        if name in candidates:
            return candidates.index(name)
    return None


class _RepeatedKeyError(ValueError):
    """A JSON object that holds one key twice."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKeyError(key)
            seen.add(key)
    return members


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else NumberText(text)


def _float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) < float("inf") else NumberText(text)


# A number that JSON allows and float cannot hold goes on as its text, and so meets the one grammar for numbers.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=NumberText
)


def parse_json(body: bytes) -> object:
    """Return the JSON value in `body` (UTF-8, with or without BOM).

    Raises
    ------
    InputError
        no_body, not_utf8, not_json, too_deep, repeated_key.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not_utf8", position=error.start + 1) from None
    if not text.strip():
        raise InputError("no_body")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise InputError("too_deep") from None
    except _RepeatedKeyError as error:
        raise InputError("repeated_key", value=str(error)) from None
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise InputError("not_json", reason=reason) from None


def parse_customer(value: object, schema: Schema) -> dict[str, object]:
    """Return the raw values of one customer by feature name, absent ones left out.

    Raises
    ------
    InputError
        not_an_object, wrapped.
    CustomerError
        ambiguous_name, where two keys differ only in case or Unicode form and neither is exact; no_feature, where any
        may be absent and all are.
    """
    if not isinstance(value, dict):
        raise InputError("not_an_object", value=value)
    keys = list(value)
    positions, repeated = resolve(keys, schema)
    if repeated:
        raise CustomerError(_ambiguous(repeated, schema))
    if not positions and len(keys) == 1 and isinstance(value[keys[0]], dict | list):
        raise InputError("wrapped", key=show(keys[0])[1:-1], count=in_words(len(schema.features)))
    if not positions.keys() & schema.by_name.keys() and all(feature.accepts_missing for feature in schema.features):
        raise CustomerError([problem("no_feature", known=listed(schema.names, "or"))])
    return {name: value[keys[position]] for name, position in positions.items()}


def parse_changes(value: object, schema: Schema) -> dict[str, object]:
    """Return the raw values of one object of changes by feature name.

    Here an unknown name is an error: a change that is not made must not look like one that makes no difference.

    Raises
    ------
    CustomerError
        not_changes, unknown_feature, ambiguous_name.
    """
    if not isinstance(value, dict):
        raise CustomerError([problem("not_changes", value=value)])
    keys = list(value)
    unknown = [key for key in keys if schema.by_folded.get(fold(key)) not in schema.by_name]
    positions, repeated = resolve(keys, schema)
    problems = [problem("unknown_feature", value=key, known=listed(schema.names)) for key in unknown] + _ambiguous(
        repeated, schema
    )
    if problems:
        raise CustomerError(problems)
    return {name: value[keys[position]] for name, position in positions.items()}


def _ambiguous(repeated: Mapping[str, Iterable[str]], schema: Schema) -> list[Problem]:
    return [
        problem(
            "ambiguous_name",
            field=name,
            rule=getattr(schema.by_name.get(name), "rule", None),
            keys=listed([show(key) for key in keys]),
        )
        for name, keys in repeated.items()
    ]


def customer_id(raw: Mapping[str, object], schema: Schema) -> str:
    """Return the customer's id as `clean_id` leaves it, or "" where none is given.

    Raises
    ------
    CustomerError
        bad_id, for anything but text or a whole number.
    """
    value = raw.get(schema.id) if schema.id else None
    if value is None:
        return ""
    if isinstance(value, str):
        return clean_id(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise CustomerError([problem("bad_id", field=schema.id, value=value)])
