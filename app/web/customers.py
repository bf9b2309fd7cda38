"""From the JSON bodies of /v2/customers and /v2/what-if to their responses, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.web.errors import RequestError
from app.web.responses import model_context
from app.web.service import service
from model import whatif
from model.errors import SHOWN_PROBLEMS, CustomerError, InputError, Problem, listed, problem, show
from model.parse import customer_id, parse_changes, parse_customer
from model.result import SUGGESTION_NOTE, to_alternative, to_identity, to_result, to_verdict
from model.schema import Customer, Schema
from model.scorecard import Scorer
from model.text import in_words
from model.validate import validate

MANY: Final = "customers"
ONE: Final = "customer"
CHANGES: Final = "changes"


def score_body(body: object, scorer: Scorer, reasons: int) -> dict[str, Any]:
    """Return the result for one customer, or for a list in which a bad customer has its errors instead.

    Raises
    ------
    CustomerError, InputError
        For one customer that cannot be scored.
    RequestError
        wrong_shape, unknown_member, too_many_entries.
    """
    if not isinstance(body, dict):
        rule = f'one customer as a JSON object or {{"{MANY}": [...]}}'
        raise RequestError("wrong_shape", name="The body", rule=rule, shown=show(body))
    common = {**model_context(scorer), "reasons_method": scorer.reasons_method, "caution": SUGGESTION_NOTE}
    if MANY not in body:
        identity, customer = read(body, scorer.schema)
        return {**to_result(scorer, customer, identity, service().load_actions(), reasons), **common}
    _check_members(body, (MANY,))
    entries = _entries(MANY, body[MANY], "Send them in parts, or as a CSV to /v2/batches.")
    results = [_result(entry, scorer, reasons) for entry in entries]
    return {"results": results, **common}


def count_rows(body: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a response for the log: none for one customer."""
    results = body.get("results")
    if results is None:
        return {}
    return {"rows_in": len(results), "rows_rejected": sum("errors" in result for result in results)}


def _result(entry: object, scorer: Scorer, reasons: int) -> dict[str, Any]:
    try:
        if not isinstance(entry, dict):
            raise CustomerError([problem("not_a_customer", value=entry)])
        identity, customer = read(entry, scorer.schema)
    except CustomerError as error:
        return {**_identity(entry, scorer.schema), "errors": [own.to_dict() for own in error.problems]}
    except InputError as error:
        return {"errors": [error.problem.to_dict()]}
    return to_result(scorer, customer, identity, service().load_actions(), reasons)


def read(value: object, schema: Schema) -> tuple[str, Customer]:
    """Return the id ("" without one) and the typed values of a customer, or raise all problems of both."""
    raw = parse_customer(value, schema)
    problems: list[Problem] = []
    identity, customer = "", None
    try:
        identity = customer_id(raw, schema)
    except CustomerError as error:
        problems += error.problems
    try:
        customer = validate(raw, schema.features)
    except CustomerError as error:
        problems += error.problems
    if problems or customer is None:
        raise CustomerError(problems)
    return identity, customer


def _identity(entry: object, schema: Schema) -> dict[str, str]:
    try:
        return to_identity(schema, customer_id(parse_customer(entry, schema), schema))
    except (CustomerError, InputError):
        return {}


def compare_body(body: object, scorer: Scorer) -> dict[str, Any]:
    """Return the score of a customer and those with the requested changes, or with every single change, ranked.

    Raises
    ------
    CustomerError, InputError
        For a customer that cannot be scored.
    RequestError
        wrong_shape, unknown_member, missing_member, too_many_entries, bad_changes.
    """
    if not isinstance(body, dict):
        rule = f'{{"{ONE}": {{...}}, "{CHANGES}": [...]}}, where the second is optional'
        raise RequestError("wrong_shape", name="The body", rule=rule, shown=show(body))
    _check_members(body, (ONE, CHANGES))
    if ONE not in body:
        raise RequestError("missing_member", name=ONE, count=in_words(len(scorer.schema.features)))
    identity, customer = read(body[ONE], scorer.schema)
    if body.get(CHANGES) is None:
        alternatives = whatif.alternatives(scorer, customer)
    else:
        changes = body[CHANGES]
        entries = _entries(CHANGES, [changes] if isinstance(changes, dict) else changes)
        alternatives = _requested(scorer, customer, entries)
    return {
        **to_identity(scorer.schema, identity),
        **to_verdict(scorer.score(customer)),
        "alternatives": [to_alternative(alternative) for alternative in alternatives],
        **model_context(scorer),
        "caution": SUGGESTION_NOTE,
    }


def _requested(scorer: Scorer, customer: Customer, entries: Sequence[object]) -> list[whatif.Alternative]:
    alternatives, errors = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            alternatives.append(whatif.apply_change(scorer, customer, parse_changes(entry, scorer.schema)))
        except CustomerError as error:
            errors += [{"change": number, **own.to_dict()} for own in error.problems]
    if errors:
        members = {"errors": errors[:SHOWN_PROBLEMS], "errors_total": len(errors)}
        raise RequestError("bad_changes", members=members, first=errors[0]["message"])
    return alternatives


def _check_members(body: Mapping[str, object], known: Sequence[str]) -> None:
    unknown = [show(name) for name in body if name not in known]
    if unknown:
        names = listed([f'"{name}"' for name in known])
        raise RequestError("unknown_member", names=listed(unknown[:SHOWN_PROBLEMS]), known=names)


def _entries(name: str, value: object, advice: str = "Send them in parts.") -> list[object]:
    limit = service().settings.max_customers
    if not isinstance(value, list) or not value:
        shown = "an empty list" if value == [] else show(value)
        raise RequestError("wrong_shape", name=f'"{name}"', rule=f"a list of 1 to {limit:,} objects", shown=shown)
    if len(value) > limit:
        raise RequestError("too_many_entries", name=name, count=len(value), limit=limit, advice=advice)
    return value
