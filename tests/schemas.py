"""Schemas, scorecards and customers drawn by hypothesis, as documents: any kind of feature, term and pair."""

from typing import Any
from unicodedata import normalize

from hypothesis import strategies as st

Document = dict[str, Any]

LETTERS = st.sampled_from("abcXYZ019 _-.,;\"'|[](){}=+@#äßÉçñŁσİıЖ北京\u00a0\u2003😀<&>%\\/")
TEXTS = st.text(LETTERS, min_size=1, max_size=9).map(lambda text: text.strip()).filter(bool)
POINTS = st.floats(-3, 3, allow_nan=False)
BOUNDS = st.sampled_from([0, 1, 100, 1200, 70_000, 1_000_000_000, 1e6, 0.5, 1e12])


def _folded(text: str) -> str:
    from model.schema import fold

    return fold(text)


def distinct(elements: st.SearchStrategy, least: int, most: int) -> st.SearchStrategy[list]:
    return st.lists(elements, min_size=least, max_size=most, unique_by=lambda item: _folded(str(item)))


@st.composite
def features(draw, name: str, before: list[Document]) -> Document:
    """Draw one feature of any kind."""
    kind = draw(st.sampled_from(["flag", "category", "category", "number", "number"]))
    feature: Document = {"name": name, "kind": kind}
    if kind == "number":
        feature["whole"] = draw(st.booleans())
        feature["minimum"] = draw(st.sampled_from([0, -5, 1]) if feature["whole"] else st.sampled_from([0, -0.5, -1e6]))
        high = draw(BOUNDS)
        feature["maximum"] = feature["minimum"] + (max(1, int(high)) if feature["whole"] else high + 0.25)
        flags = [item for item in before if item["kind"] == "flag"]
        if flags and draw(st.booleans()):
            feature["missing"] = {"equals": feature["minimum"], "when": {flags[0]["name"]: flags[0]["values"][0]}}
            return feature
    else:
        words = TEXTS | st.integers(-9, 9) if draw(st.booleans()) else TEXTS
        words = words.filter(lambda word: word not in ("(other)", "(missing)"))
        if kind == "flag":
            words = words.filter(lambda word: word != "Y")  # a yes that would have to come second
        feature["values"] = draw(distinct(words, 2, 2) if kind == "flag" else distinct(words, 2, 7))
        if kind == "flag" and (str(feature["values"][0]) == "1" or str(feature["values"][1]) == "0"):
            feature["values"].reverse()
        if kind == "category" and draw(st.booleans()):
            feature["other"] = "accept"
    if draw(st.booleans()):
        feature["missing"] = "accept"
    return feature


@st.composite
def schemas(draw) -> Document:
    names = draw(distinct(TEXTS.filter(lambda name: _folded(name) not in _RESERVED), 1, 6))
    described: list[Document] = []
    for name in names:
        described.append(draw(features(name, described)))
    identity = draw(st.none() | st.sampled_from(["client no", "№", "ID,1"]))
    taken = {_folded(name) for name in names}
    schema: Document = {"target": "who left?", "features": described}
    if identity and _folded(identity) not in taken:
        schema["id"] = identity
    numbers = [feature["name"] for feature in described if feature["kind"] == "number"]
    if numbers and draw(st.booleans()):
        schema["money"] = numbers[0]
    return schema


_RESERVED = ("customers", "customer", "changes", "who left?")


@st.composite
def scorecards(draw, schema: Document) -> Document:
    """Draw a scorecard that a schema fits."""
    described = {feature["name"]: feature for feature in schema["features"]}
    pairs = []
    if len(described) > 1:
        for _ in range(draw(st.integers(0, 3))):
            first, second = draw(st.permutations(list(described)))[:2]
            pairs.append(draw(_pairs(described[first], described[second])))
    return {
        "version": "1.0.0",
        "schema_version": 2,
        "threshold": 0.4,
        "tiers": {"high": 0.6, "medium": 0.3, "low": 0},
        "intercept": draw(POINTS),
        "ranges": {},
        "terms": [draw(_terms(feature)) for feature in described.values()],
        "pairs": pairs,
    }


@st.composite
def _terms(draw, feature: Document) -> Document:
    special = [name for name in ("other", "missing") if feature.get(name) == "accept"]
    points = {name: draw(POINTS) for name in special}
    if feature["kind"] != "number":
        return {
            "feature": feature["name"],
            "table": {str(word): draw(POINTS) for word in feature["values"]},
            **points,
        }
    if draw(st.booleans()):
        knots = draw(_rising(feature, 1))
        return {"feature": feature["name"], "knots": knots, "points": [draw(POINTS) for _ in knots], **points}
    edges = draw(_rising(feature, 0))
    return {"feature": feature["name"], "edges": edges, "points": [draw(POINTS) for _ in [*edges, 0]], **points}


def _rising(feature: Document, least: int) -> st.SearchStrategy[list[float]]:
    numbers = st.floats(feature["minimum"], feature["maximum"], allow_subnormal=False) | st.integers(
        int(feature["minimum"]), int(feature["maximum"])
    )
    # At least 0.001 apart, so that no slope is beyond a float.
    return st.lists(numbers, min_size=least, max_size=5, unique_by=lambda number: round(number, 3)).map(sorted)


@st.composite
def _pairs(draw, first: Document, second: Document) -> Document:
    edges = [draw(_rising(feature, 0)) if feature["kind"] == "number" else None for feature in (first, second)]
    rows, columns = [_size(feature, own) for feature, own in zip((first, second), edges, strict=True)]
    return {
        "features": [first["name"], second["name"]],
        "edges": edges,
        "points": [[draw(POINTS) for _ in range(columns)] for _ in range(rows)],
    }


def _size(feature: Document, edges: list[float] | None) -> int:
    accepts = [feature.get(name) == "accept" for name in ("other", "missing")]
    return sum(accepts) + (len(feature["values"]) if edges is None else len(edges) + 1)


@st.composite
def respelt(draw, text: str) -> str:
    """Draw a spelling of a word or name that differs in case and Unicode form alone."""
    letters = [draw(st.sampled_from([letter, _swapped(letter)])) for letter in text]
    return normalize(draw(st.sampled_from(["NFC", "NFD"])), "".join(letters))


def _swapped(letter: str) -> str:
    other = letter.swapcase()
    return other if len(other) == 1 and other.isascii() == letter.isascii() and letter != "ß" else letter


@st.composite
def values(draw, feature: Document) -> tuple[str, Any]:
    """Draw a cell of a feature, and its typed value."""
    kinds = ["plain", "plain", "plain", *[name for name in ("other", "missing") if feature.get(name) == "accept"]]
    kind = draw(st.sampled_from(kinds))
    if kind == "missing":
        return draw(st.sampled_from(["", " ", "\u00a0"])), None
    if kind == "other":
        return "a word that nobody knows", "(other)"
    if feature["kind"] != "number":
        word = draw(st.sampled_from(feature["values"]))
        return draw(respelt(str(word))), word
    low, high = feature["minimum"], feature["maximum"]
    if feature["whole"]:
        whole = draw(st.integers(low, high))
        return draw(st.sampled_from([str(whole), f"{whole}.0", f" {whole} "])), whole
    number = draw(st.floats(low, high)) + 0.0
    return repr(number), number


@st.composite
def customers(draw, schema: Document) -> tuple[dict[str, str], dict[str, Any]]:
    """Draw the cells of a customer, and the typed values."""
    drawn = {feature["name"]: draw(values(feature)) for feature in schema["features"]}
    for feature in schema["features"]:
        blank = feature.get("missing")
        if isinstance(blank, dict):
            ((name, word),) = blank["when"].items()
            if drawn[name][1] == word and draw(st.booleans()):
                equals = blank["equals"]
                drawn[feature["name"]] = "", equals if feature["whole"] else float(equals)
    return {name: cell for name, (cell, _) in drawn.items()}, {name: value for name, (_, value) in drawn.items()}
