"""What the name of a column suggests: its words, a label, a unit, a role. Proposals to people, who know better."""

import re
from typing import Final

from model.parse import ID_NAMES, plain
from model.text import default_label

CURRENCIES: Final = {
    "eur": "€",
    "usd": "$",
    "gbp": "£",
    "jpy": "¥",
    "chf": "CHF",
    "€": "€",
    "$": "$",
    "£": "£",
    "¥": "¥",
}

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+|\d+")
_IN_PARENTHESES: Final = re.compile(r"(?<!\s)\s*+[(\[]([^()\[\]]*)[)\]]\s*+$")
_SIGN: Final = re.compile(r"(?<!\s)\s*+[(\[]?([€$£¥])[)\]]?\s*+$")
_PERIOD: Final = re.compile(r"[ _](?:in[ _])?(months|years|weeks|days)$", re.IGNORECASE)
_SPAN: Final = re.compile(r"(\d|(?<![^\W_])(last|past|previous|prior|next|within|of|per))$", re.IGNORECASE)
"""Ends of names to which the period belongs, as in "Logins last 30 days"."""

_ABBREVIATION: Final = 4
"""Characters of a name in capitals that stay capitals."""

_UNIT: Final = re.compile(r"[A-Za-z][A-Za-z /%]{0,20}")

_AFTER_LEAVING: Final = {
    *("churn", "churned", "churner", "attrition", "attrited", "cancel", "cancelled", "canceled", "cancellation"),
    *("terminate", "terminated", "termination", "exit", "exited", "leaver", "leaving", "left", "closure", "closed"),
    *("disconnect", "disconnected", "disconnection", "deactivated", "deactivation", "unsubscribed", "winback"),
}
_GENERIC: Final = {"label", "value", "flag", "status", "target", "is", "has", "class", "y", "customer", "the", "in"}

_PROTECTED: Final = {
    *("gender", "sex", "senior", "birth", "birthday", "dob", "race", "ethnicity", "ethnic", "religion", "nationality"),
    *("marital", "married", "partner", "dependents", "children", "disability", "disabled", "pregnant", "language"),
}
_AGE_WORDS: Final = {"age", "customer", "client", "of", "in", "years", "year", "at", "group", "band", "user", "person"}
_CODES: Final = {"zip", "zipcode", "postal", "postcode", "plz", "code", "codes"}
_IDS: Final = {"id", "no", "nr", "number", "nummer", "key", "uuid", "guid", "ref", "reference", "num"}
_WHO: Final = {
    *("account", "customer", "client", "subscriber", "user", "member", "contract", "policy", "cust", "acct"),
    *("kunde", "kunden", "mitglied", "mitglieds", "vertrag", "vertrags"),
}
_ID_NAMES: Final = {*ID_NAMES, *(who + number for who in _WHO for number in _IDS)}
"""Without spaces and signs."""

_ONLY_IDS: Final = {"id", "uuid", "guid", "customerid", "clientid", "accountid", "userid", "memberid", "msisdn"}
_PHONES: Final = {"phone", "telephone", "tel", "mobile", "fax", "msisdn", "cell"}
_POSITIONS: Final = {"lat", "latitude", "lon", "lng", "longitude"}
_MONEY: Final = {"charge", "charges", "fee", "fees", "price", "bill", "revenue", "payment", "premium", "subscription"}
_MONTHLY: Final = {"monthly", "month", "mrr", "arpu", "mth"}
_NOT_RECURRING: Final = {
    "total",
    "lifetime",
    "sum",
    "cumulative",
    "late",
    "setup",
    "cancellation",
    "intl",
    "eve",
    "night",
}


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: OrderValue is order, value."""
    return [word.lower() for word in _WORD.findall(name)]


def to_label(name: str) -> tuple[str, str]:
    """Return the label and the unit that a name holds: "Tenure (months)" is Tenure, in months."""
    unit = ""
    sign, match = _SIGN.search(name), _IN_PARENTHESES.search(name)
    if sign and sign.start():
        name, unit = name[: sign.start()], sign[1]
    elif match and match.start() and _UNIT.fullmatch(match[1]):
        name, unit = name[: match.start()], match[1].strip()
    elif (period := _PERIOD.search(name)) and period.start() and not _SPAN.search(name[: period.start()]):
        name, unit = name[: period.start()], period[1].lower()
    is_abbreviation = name.isupper() and len(name) <= _ABBREVIATION
    return name if is_abbreviation else default_label(name), unit


def is_after_leaving(name: str, target: str) -> bool:
    """Return whether a name suggests that the column is written because a customer left."""
    own = set(words_of(target)) - _GENERIC
    return bool(set(words_of(name)) & (_AFTER_LEAVING | own))


def is_protected(name: str) -> bool:
    """Return whether a name suggests what a person is: age, gender."""
    words = set(words_of(name))
    return bool(words & _PROTECTED) or ("age" in words and words <= _AGE_WORDS)


def is_age(name: str) -> bool:
    """Return whether a name suggests the age of a person in years."""
    words = set(words_of(name))
    return "age" in words and words <= _AGE_WORDS - {"group", "band"}


def is_code(name: str) -> bool:
    """Return whether a name suggests that numbers are codes, of which no sum makes sense."""
    return bool(set(words_of(name)) & (_CODES | _ONLY_IDS))


def is_id(name: str) -> bool:
    """Return whether a name suggests what identifies a customer."""
    words = set(words_of(name))
    is_composed = bool(words & _IDS and words & _WHO) or (words <= _WHO and bool(words))
    return bool(words & _ONLY_IDS) or is_composed or plain(name) in _ID_NAMES


def is_phone(name: str) -> bool:
    """Return whether a name suggests telephone numbers."""
    return bool(set(words_of(name)) & _PHONES)


def is_position(name: str) -> bool:
    """Return whether a name suggests a latitude or a longitude."""
    return bool(set(words_of(name)) & _POSITIONS)


def is_percentage(name: str) -> bool:
    """Return whether a name suggests per cent."""
    return "%" in name or bool(set(words_of(name)) & {"percent", "pct", "percentage"})


def money_rank(name: str) -> int:
    """Return how much a name looks like what a customer pays a month: 2 very, 1 somewhat, 0 not at all."""
    words = set(words_of(name))
    if words & _NOT_RECURRING or words & {"count", "times", "method"}:
        return 0
    if words & {"mrr", "arpu"} or (words & _MONEY and words & _MONTHLY):
        return 2
    return 1 if words & _MONEY else 0


def currency_of(name: str) -> str:
    """Return the currency that a name holds, as a sign; "" without one."""
    sign = next((sign for sign in "€$£¥" if sign in name), "")
    return sign or next((CURRENCIES[word] for word in words_of(name) if word in CURRENCIES), "")
