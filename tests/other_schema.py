"""A model of a wholly different schema, written by hand, its customers, and an independent scorer of them.

A shop's subscriptions, in tests/shop: missing values, new words, pairs, names with spaces and brackets, words with
commas, quotes and accents, counts up to a billion; no id and no money. `WITH_ID` is the same with an id and money.
"""

import csv
import hashlib
import io
import json
import math
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
SHOP = TESTS / "shop"
SCHEMA, SCORECARD, POPULATION = [
    json.loads((SHOP / f"{name}.json").read_text(encoding="utf-8")) for name in ("schema", "scorecard", "population")
]
NAMES = [feature["name"] for feature in SCHEMA["features"]]
PLAN, REGION, RENEW, ORDERS, SPENT, VISIT, RETURNS, GRADE = NAMES
OTHER = "(other)"
VERSION = SCORECARD["version"]

ID, MONEY, CURRENCY = "client no", SPENT, "€"
WITH_ID = {**SCHEMA, "id": ID, "money": MONEY, "currency": CURRENCY, "positive": "ja", "negative": "nein"}


def to_bytes(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def files(schema: dict = SCHEMA, scorecard: dict = SCORECARD) -> dict[str, bytes]:
    """Return the files of the artifact but for SHA256SUMS."""
    contents = {path.name: path.read_bytes() for path in SHOP.iterdir()}
    return {**contents, "schema.json": to_bytes(schema), "scorecard.json": to_bytes(scorecard)}


def write_models(root: Path, contents: dict[str, bytes] | None = None, version: str = VERSION) -> Path:
    """Write a folder of models with one version, and return it."""
    folder = root / version
    folder.mkdir(parents=True)
    contents = files() if contents is None else contents
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items())]
    (folder / "SHA256SUMS").write_text("".join(sums))
    (root / "DEFAULT").write_text(f"{version}\n")
    return root


class Shopper(NamedTuple):
    """One customer: the cells of a file, and what they mean."""

    cells: list[str]
    values: list[object]

    @property
    def row(self) -> dict[str, str]:
        return dict(zip(NAMES, self.cells, strict=True))

    @property
    def typed(self) -> dict[str, object]:
        return dict(zip(NAMES, self.values, strict=True))


_READ = json.loads((TESTS / "shoppers.json").read_text(encoding="utf-8"))
SHOPPERS = [Shopper(**shopper) for shopper in _READ["customers"]]
"""Every level, step, line and kind of blank, and spellings of words and numbers."""

GOOD = SHOPPERS[3]
BAD = {name: ({**GOOD.row, **bad["changes"]}, bad["message"]) for name, bad in _READ["bad"].items()}
"""The cells of a customer who is refused, and the sentence about them."""


def to_csv(rows: Iterable[dict[str, str]], ids: Iterable[str] = ()) -> bytes:
    """Return a file of rows of cells, with the column of ids where there are any."""
    text, ids = io.StringIO(), list(ids)
    writer = csv.DictWriter(text, [*([ID] if ids else []), *NAMES], lineterminator="\n")
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({ID: ids[number], **row} if ids else row)
    return text.getvalue().encode()


class Expected(NamedTuple):
    """What any entry point must answer."""

    log_odds: float
    label: str
    tier: str
    printed: str
    contributions: list[float]
    probability: float


def expect(customer: dict[str, object], schema: dict = SCHEMA, scorecard: dict = SCORECARD) -> Expected:
    """Return the score of typed values as the documents describe it."""
    features = {feature["name"]: feature for feature in schema["features"]}
    terms = {term["feature"]: term for term in scorecard["terms"]}
    parts = [_points(terms[name], customer[name]) for name in features]
    for pair in scorecard.get("pairs", []):
        first, second = [
            _line(features[name], edges, customer[name])
            for name, edges in zip(pair["features"], pair["edges"], strict=True)
        ]
        parts.append(pair["points"][first][second])
    log_odds = scorecard["intercept"]
    for part in parts:
        log_odds += part
    probability = 1 / (1 + math.exp(-log_odds))
    label = "churn" if probability >= scorecard["threshold"] else "not churn"
    tier = next(name for name, cut in scorecard["tiers"].items() if probability >= cut)
    return Expected(log_odds, label, tier, f"{probability:.4f}", parts, probability)


def _points(term: dict, value: object) -> float:
    if value is None:
        return term["missing"]
    if "table" in term:
        return term["other"] if value == OTHER else term["table"][str(value)]
    points = term["points"]
    if "edges" in term:
        return points[bisect_right(term["edges"], value)]
    knots = term["knots"]
    if value <= knots[0]:
        return points[0]
    for left in reversed(range(len(knots))):
        if value >= knots[left]:
            if left == len(knots) - 1:
                return points[left]
            slope = (points[left + 1] - points[left]) / (knots[left + 1] - knots[left])
            return points[left] + slope * (value - knots[left])
    raise AssertionError(value)


def _line(feature: dict, edges: list[float] | None, value: object) -> int:
    if edges is not None:
        return len(edges) + 1 if value is None else bisect_right(edges, value)
    levels = [*feature["values"]]
    levels += [OTHER] if feature.get("other") == "accept" else []
    levels += [None] if feature.get("missing") == "accept" else []
    return levels.index(value)


IDS = ["№ 1", "=1+1", "a,b", 'an "x"', "007", "O'Brien", "x;y", "北京-1", "9", "0"]


class Shop(NamedTuple):
    """The model in a folder, without or with an id and money."""

    models: Path
    schema: dict

    @property
    def ids(self) -> list[str]:
        """The customers' ids; none where the schema has none."""
        return IDS if "id" in self.schema else []

    def identity(self, number: int) -> dict[str, str]:
        """Return the member that names a customer, where there is one."""
        return {ID: self.ids[number]} if self.ids else {}

    @property
    def file(self) -> bytes:
        """The customers as a CSV."""
        return to_csv([shopper.row for shopper in SHOPPERS], self.ids)

    @property
    def bad_file(self) -> bytes:
        """A good customer before those who are refused."""
        rows = [GOOD.row, *(row for row, _ in BAD.values())]
        return to_csv(rows, [str(number) for number in range(len(rows))] if self.ids else [])

    def money_of(self, shopper: Shopper) -> str | None:
        """Return the printed value at risk, where there is one."""
        return f"{shopper.typed[MONEY] * expect(shopper.typed).probability:.2f}" if self.ids else None


def open_shop(root: Path, has_id: bool) -> Shop:
    """Write the models below a folder."""
    schema = WITH_ID if has_id else SCHEMA
    return Shop(write_models(root / "models", files(schema)), schema)


def cells_of(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer, newline="")))
