"""Files and tables of a wholly different schema through a real Spark. Runs in .venv-spark (make test-spark)."""

import csv
from decimal import Decimal

import pytest
from other_schema import (
    BAD,
    GOOD,
    GRADE,
    ID,
    MONEY,
    ORDERS,
    OTHER,
    PLAN,
    REGION,
    RENEW,
    RETURNS,
    SHOPPERS,
    SPENT,
    VISIT,
    Shop,
    expect,
    open_shop,
)
from spark_results import local_session, summary_of

pytest.importorskip("pyspark", reason="pyspark has an environment of its own: make test-spark")

import pyarrow as pa
import pyarrow.parquet as pq

from app import spark
from app.jobs.scoring import Scoring
from app.spark import Job
from model.bulk.source import FileLimits
from model.engine import load_scorer
from model.outputs import OutputOptions

# Of sockets that py4j closes when its gateway goes.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def session():
    with local_session() as session:
        yield session


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), request.param)


@pytest.fixture
def score(session, shop, tmp_path):
    """Score a source, and return the rows of an output and the summary."""

    def score(source, source_format="csv", to="csv", kind="predictions", **options):
        scoring = Scoring(load_scorer(models=str(shop.models)), OutputOptions(**options), FileLimits())
        target = tmp_path / "out"
        spark.score(session, Job(str(source), str(target), source_format, to), scoring)
        rows = []
        for part in sorted((target / kind).iterdir()):
            if part.suffix == ".csv":
                rows += csv.DictReader(part.open(encoding="utf-8", newline=""))
            elif part.suffix == ".parquet":
                rows += pq.read_table(part).to_pylist()
        return rows, summary_of(target)

    return score


def ordered(shop: Shop, rows: list[dict]) -> list[dict]:
    """Return the rows in the order of the customers, where they have ids."""
    return sorted(rows, key=lambda row: shop.ids.index(row[ID])) if shop.ids else rows


def printed(rows: list[dict]) -> list[tuple]:
    return sorted((row["prediction"], f"{float(row['probability']):.4f}", row["tier"]) for row in rows)


EXPECTED = sorted((score.label, score.printed, score.tier) for score in (expect(item.typed) for item in SHOPPERS))


def test_a_file_gives_what_the_documents_describe(score, shop, tmp_path):
    (tmp_path / "in.csv").write_bytes(shop.file)

    rows, summary = score(tmp_path / "in.csv", reasons=11)

    assert printed(rows) == EXPECTED
    assert (summary["rows_in"], summary["rows_rejected"]) == (len(SHOPPERS), 0)
    assert any(row["reason_7"] == 'Has the size "XL" and has 0 orders: raises the risk' for row in rows)
    assert (ID in rows[0]) == bool(shop.ids)


def test_bad_rows_are_rejected_in_the_words_of_the_schema(score, shop, tmp_path):
    (tmp_path / "in.csv").write_bytes(shop.bad_file)

    rows, summary = score(tmp_path / "in.csv", kind="rejects")

    assert summary["rows_rejected"] == len(BAD)
    assert sorted(row["errors"] for row in rows) == sorted(sentence for _, sentence in BAD.values())


def table_of(shop: Shop) -> pa.Table:
    """The customers as columns of the types that a database would have; an unlisted word as itself."""
    typed = [shopper.typed for shopper in SHOPPERS]

    def column(name: str, kind: pa.DataType, of=lambda value: value) -> pa.Array:
        return pa.array([None if row[name] is None else of(row[name]) for row in typed], kind)

    columns = {
        PLAN: column(PLAN, pa.string()),
        REGION: column(REGION, pa.string()),
        RENEW: column(RENEW, pa.bool_(), lambda word: word == "ja"),
        ORDERS: column(ORDERS, pa.int64()),
        SPENT: column(SPENT, pa.decimal128(20, 2), lambda number: Decimal(str(number))),
        VISIT: column(VISIT, pa.float64()),
        RETURNS: column(RETURNS, pa.int32()),
        GRADE: column(GRADE, pa.int32(), lambda grade: 99 if grade == OTHER else grade),
    }
    return pa.table({**({ID: pa.array(shop.ids)} if shop.ids else {}), **columns})


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_a_table_of_typed_columns_with_nulls_gives_the_same(score, shop, tmp_path, to):
    pq.write_table(table_of(shop), tmp_path / "in.parquet")

    rows, _ = score(tmp_path / "in.parquet", "parquet", to, value_at_risk=bool(shop.ids))

    assert printed(rows) == EXPECTED
    if shop.ids:
        money = [f"{float(row['value_at_risk']):.2f}" for row in ordered(shop, rows)]
        assert money == [shop.money_of(shopper) for shopper in SHOPPERS]
        assert MONEY == SPENT
    else:
        assert not {"value_at_risk", ID} & set(rows[0])


def test_a_null_where_none_is_accepted_is_rejected(score, shop, tmp_path):
    table = table_of(shop).slice(SHOPPERS.index(GOOD), 1)
    position = table.column_names.index(REGION)
    pq.write_table(table.set_column(position, REGION, pa.array([None], pa.string())), tmp_path / "in.parquet")

    rows, _ = score(tmp_path / "in.parquet", "parquet", kind="rejects")

    assert [line["errors"] for line in rows] == [BAD["a blank word"][1]]
