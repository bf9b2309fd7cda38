"""Bodies of JSON to the answers of /v2/customers and /v2/what-if, as plain values."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from app.web.errors import RequestError
from app.web.responses import context
from app.web.service import service
from model import actions, whatif
from model.errors import SHOWN_PROBLEMS, CustomerError, InputError, Problem, listed, problem, show
from model.parse import customer_id, parse_changes, parse_customer
from model.result import SUGGESTION_NOTE, to_alternative, to_result, to_verdict
from model.schema import CUSTOMER_ID, Customer
from model.scorecard import Scorer
from model.validate import validate

MANY: Final = "customers"
ONE: Final = "customer"
CHANGES: Final = "changes"


def score_body(body: object, scorer: Scorer, reasons: int) -> dict[str, Any]:
    """Return the answer to one customer, or to a list in which bad customers have their errors at their place.

    Raises
    ------
    CustomerError, InputError
        For one customer that cannot be scored.
    RequestError
        wrong_shape, unknown_member, too_many_entries.
    """
    if not isinstance(body, dict):
        rule = f'one customer as a JSON object or {{"{MANY}": [...]}}'
        raise RequestError("wrong_shape", name="The body", rule=rule, found=show(body))
    common = {**context(scorer), "reasons_method": scorer.reasons_method, "caution": SUGGESTION_NOTE}
    if MANY not in body:
        identity, customer = read(body)
        return {**to_result(scorer, customer, identity, _actions(), reasons), **common}
    _check_members(body, (MANY,))
    entries = _entries(MANY, body[MANY], "Send them in parts, or as a CSV to /v2/batches.")
    results = [_outcome(each, scorer, reasons) for each in entries]
    return {"results": results, **common}


def counts_of(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return what the log says of an answer: nothing for one customer."""
    results = answer.get("results")
    if results is None:
        return {}
    return {"rows_in": len(results), "rows_rejected": sum("errors" in each for each in results)}


def _outcome(entry: object, scorer: Scorer, reasons: int) -> dict[str, Any]:
    try:
        if not isinstance(entry, dict):
            raise CustomerError([problem("not_a_customer", value=entry)])
        identity, customer = read(entry)
    except CustomerError as error:
        return {**_identity(entry), "errors": [each.to_dict() for each in error.problems]}
    except InputError as error:
        return {"errors": [error.problem.to_dict()]}
    return to_result(scorer, customer, identity, _actions(), reasons)


def read(value: object) -> tuple[str, Customer]:
    """Return the id, "" without one, and the typed values of a customer, or raise all that is wrong with both."""
    raw = parse_customer(value)
    problems: list[Problem] = []
    identity, customer = "", None
    try:
        identity = customer_id(raw)
    except CustomerError as error:
        problems += error.problems
    try:
        customer = validate(raw)
    except CustomerError as error:
        problems += error.problems
    if problems or customer is None:
        raise CustomerError(problems)
    return identity, customer


def _identity(entry: object) -> dict[str, str]:
    try:
        identity = customer_id(parse_customer(entry))
    except (CustomerError, InputError):
        return {}
    return {CUSTOMER_ID: identity} if identity else {}


def compare_body(body: object, scorer: Scorer) -> dict[str, Any]:
    """Return a customer's own verdict and those with the changes asked for, or with every single one, ranked.

    Raises
    ------
    CustomerError, InputError
        For a customer that cannot be scored.
    RequestError
        wrong_shape, unknown_member, missing_member, too_many_entries, bad_changes.
    """
    if not isinstance(body, dict):
        rule = f'{{"{ONE}": {{...}}, "{CHANGES}": [...]}}, the second if you like'
        raise RequestError("wrong_shape", name="The body", rule=rule, found=show(body))
    _check_members(body, (ONE, CHANGES))
    if ONE not in body:
        raise RequestError("missing_member", name=ONE)
    identity, customer = read(body[ONE])
    if body.get(CHANGES) is None:
        found = whatif.alternatives(scorer, customer)
    else:
        given = body[CHANGES]
        found = _asked(scorer, customer, _entries(CHANGES, [given] if isinstance(given, dict) else given))
    return {
        **({CUSTOMER_ID: identity} if identity else {}),
        **to_verdict(scorer.score(customer)),
        "alternatives": [to_alternative(each) for each in found],
        **context(scorer),
        "caution": SUGGESTION_NOTE,
    }


def _asked(scorer: Scorer, customer: Customer, entries: Sequence[object]) -> list[whatif.Alternative]:
    found, errors = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(whatif.apply_change(scorer, customer, parse_changes(entry)))
        except CustomerError as error:
            errors += [{"change": number, **each.to_dict()} for each in error.problems]
    if errors:
        members = {"errors": errors[:SHOWN_PROBLEMS], "errors_total": len(errors)}
        raise RequestError("bad_changes", members=members, first=errors[0]["message"])
    return found


def _check_members(body: Mapping[str, object], known: Sequence[str]) -> None:
    unknown = [show(name) for name in body if name not in known]
    if unknown:
        names = listed([f'"{name}"' for name in known])
        raise RequestError("unknown_member", names=listed(unknown[:SHOWN_PROBLEMS]), known=names)


def _entries(name: str, value: object, advice: str = "Send them in parts.") -> list[object]:
    limit = service().limits.max_customers
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else show(value)
        raise RequestError("wrong_shape", name=f'"{name}"', rule=f"a list of 1 to {limit:,} objects", found=found)
    if len(value) > limit:
        raise RequestError("too_many_entries", name=name, count=len(value), limit=limit, advice=advice)
    return value


def _actions() -> Sequence[actions.Action]:
    given = service().actions
    return _own_actions() if given is None else given


@cache
def _own_actions() -> Sequence[actions.Action]:
    return actions.load()
