"""Files and tables through a real Spark on two cores of this machine.

Runs in .venv-spark (make test-spark): pyspark is not among the requirements of the other tests.
"""

import csv
import gzip
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from outcomes import DATA, OUTCOMES, REFUSED, SCORED
from spark_results import left_in, lines_here, lines_of, local_session, summary_of

pytest.importorskip("pyspark", reason="pyspark has an environment of its own: make test-spark")

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as pa_csv
from shipped import COLUMNS, CUSTOMER_ID

from app import spark
from app.jobs import hadoop
from app.jobs.scoring import Scoring
from app.spark import Job
from model.bulk.source import FileLimits
from model.errors import ChurnError
from model.outputs import OutputOptions

# Of sockets that py4j closes when its gateway goes.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def session():
    with local_session() as session:
        yield session


@pytest.fixture
def score(session, scorer, tmp_path):
    """Score and return the folder of the results."""

    def score(source, source_format="csv", to="csv", charset=None, options=None, target=None, **how) -> Path:
        target = target or tmp_path / "out"
        scoring = Scoring(scorer, options or OutputOptions(), FileLimits(), charset)
        spark.score(session, Job(str(source), str(target), source_format, to, **how), scoring)
        return target

    return score


def counts_of(out: Path) -> tuple[int, int, int]:
    summary = summary_of(out)
    return summary["rows_in"], summary["rows_rejected"], summary["blank_lines"]


def test_a_folder_of_every_kind_of_file_gives_the_lines_of_the_other_entry_points(score, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in SCORED:
        # A line end inside quotes has a test of its own.
        if name != "quoted_newline_in_id.csv":
            shutil.copy(DATA / name, folder)
    files = sorted(folder.iterdir())

    out = score(folder)

    expected = lines_here(tmp_path / "here", *files)
    assert lines_of(out, "predictions") == expected["predictions"]
    assert lines_of(out, "rejects") == expected["rejects"]
    assert counts_of(out) == tuple(sum(OUTCOMES[file.name][index] for file in files) for index in range(3))
    assert "latin1.csv: The file is not UTF-8; it was read as Windows-1252." in summary_of(out)["notes"]


@pytest.mark.parametrize("change", ["appended to", "replaced"])
def test_files_that_change_while_they_are_read_give_no_result(score, tmp_path, monkeypatch, change):
    for name in ("good.csv", "crlf.csv"):
        shutil.copy(DATA / name, tmp_path / name)
    count = spark._summarize

    def meddle(*everything):
        path = tmp_path / "in" / "good.csv"
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content + content.splitlines()[1] if change == "appended to" else content)
        return count(*everything)

    (tmp_path / "in").mkdir()
    for name in ("good.csv", "crlf.csv"):
        (tmp_path / name).rename(tmp_path / "in" / name)
        os.utime(tmp_path / "in" / name, (1, 1))
    monkeypatch.setattr(spark, "_summarize", meddle)

    with pytest.raises(ChurnError, match=r"^Changed while they were read: good\.csv\. Nothing was written"):
        score(tmp_path / "in")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_file_cut_into_many_parts_loses_no_row_and_counts_none_twice(session, score, tmp_path):
    file = tmp_path / "rows.csv"
    head, *rows = (DATA / "sample.csv").read_bytes().splitlines(keepends=True)
    spoilt = [row if index % 7 else b"x" + row.replace(b",", b";", 1) for index, row in enumerate(rows)]
    file.write_bytes(head + b"\r\n" + b"\n".join(spoilt) + head)
    session.conf.set("spark.sql.files.maxPartitionBytes", "900")
    try:
        out = score(file)
    finally:
        session.conf.unset("spark.sql.files.maxPartitionBytes")

    expected = lines_here(tmp_path / "here", file)
    assert len(list((out / "predictions").glob("part-*.csv"))) > 5
    assert lines_of(out, "predictions") == expected["predictions"]
    assert lines_of(out, "rejects") == expected["rejects"]
    # The header again as a row, and the blank lines.
    here = json.loads((tmp_path / "here" / "rows.csv" / "summary.json").read_bytes())
    there = summary_of(out)
    for key in ("rows_in", "rows_rejected", "blank_lines", "tiers", "errors_by_code", "segments", "drift"):
        assert there[key] == here[key], key
    assert there["by_threshold"] == here["by_threshold"]
    assert [row[CUSTOMER_ID] for row in there["top"]] == [row[CUSTOMER_ID] for row in here["top"]]


def test_line_ends_inside_quotes_are_refused_or_read_with_multiline(score, tmp_path):
    file = DATA / "quoted_newline_in_id.csv"

    with pytest.raises(ChurnError, match="--multiline"):
        score(file)
    assert left_in(tmp_path) == []
    out = score(file, multiline=True)

    assert lines_of(out, "predictions") == lines_here(tmp_path / "here", file)["predictions"]


def test_every_poison_file_of_a_folder_is_named_and_nothing_is_written(score, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(DATA, folder)
    (folder / "notes.xlsx").write_bytes(b"PK\x03\x04")

    with pytest.raises(ChurnError) as refused:
        score(folder)

    message = str(refused.value)
    # Two show only behind their first lines.
    seen_at_once = {*REFUSED, "notes.xlsx"} - {"damaged_letters.csv", "mixed_decimals.csv", "open_quote.csv"}
    assert {name for name in [*OUTCOMES, "notes.xlsx"] if f"\n{name}: " in message} == seen_at_once
    assert "missing_columns.csv: The header lacks" in message
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", ["damaged_letters.csv", "mixed_decimals.csv", "open_quote.csv"])
def test_a_file_whose_fault_shows_late_is_named_and_nothing_is_written(score, tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(DATA / "good.csv", folder)
    shutil.copy(DATA / name, folder / f"a b%20ü {name}")

    with pytest.raises(ChurnError, match=f"1 of 2 files cannot be scored.*\na b%20ü {name}: "):
        score(folder)

    assert left_in(tmp_path) == []


def test_a_gzip_file_cut_off_in_its_middle_is_named(score, tmp_path):
    noise = b"".join(
        b"%08d," % (index * 7919 % 10**8) + b"0,Yes,No,1,Yes,DSL,One year,Mailed check,5,5\n"
        for index in range(300_000)
    )
    compressed = gzip.compress((DATA / "good.csv").read_bytes().splitlines(keepends=True)[0] + noise)
    (tmp_path / "cut.csv.gz").write_bytes(compressed[: len(compressed) * 3 // 4])

    with pytest.raises(ChurnError, match=r"cut\.csv\.gz: The gzip file ends too early"):
        score(tmp_path / "cut.csv.gz")


def test_an_empty_folder_and_an_absent_one_are_refused(score, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "_SUCCESS").touch()

    with pytest.raises(ChurnError, match="is a folder without files to score"):
        score(tmp_path / "in")
    with pytest.raises(ChurnError, match="There is no"):
        score(tmp_path / "nowhere")


def test_an_output_that_exists_is_refused_and_left_as_it_is(score, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("stays")

    with pytest.raises(ChurnError, match=r"is there already, without summary\.json.* Remove it"):
        score(DATA / "good.csv")
    with pytest.raises(ChurnError, match=r"mine is there already\. Name another folder"):
        score(DATA / "good.csv", target=tmp_path / "out" / "mine")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_run_that_is_interrupted_leaves_nothing_and_the_next_one_works(score, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(spark, "_publish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            score(DATA / "good.csv")
    assert left_in(tmp_path) == []

    assert counts_of(score(DATA / "good.csv")) == (4, 0, 0)


def test_where_a_rename_is_a_copy_the_summary_comes_last_and_its_lack_is_reported(score, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(hadoop, "ATOMIC_RENAME_SCHEMES", ())
    with monkeypatch.context() as patch:
        patch.setattr(hadoop.HadoopFiles, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            score(DATA / "good.csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions"]

    with pytest.raises(ChurnError, match=r"is there already, without summary\.json"):
        score(DATA / "good.csv")
    shutil.rmtree(tmp_path / "out")
    assert counts_of(score(DATA / "good.csv")) == (4, 0, 0)


def _table(**replaced) -> pa.Table:
    """The sample as columns of the types that a database would have."""
    texts = pa_csv.read_csv(
        DATA / "sample.csv", convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    )
    kinds = {"SeniorCitizen": pa.int32(), "tenure": pa.int64(), "MonthlyCharges": pa.float64()}
    table = pa.table({name: texts[name].cast(kinds.get(name, pa.string())) for name in COLUMNS})
    partner = pa.array([word == "Yes" for word in texts["Partner"].to_pylist()])
    total = pa.array(
        [Decimal(cell) if cell.strip() else None for cell in texts["TotalCharges"].to_pylist()], pa.decimal128(12, 2)
    )
    columns = {**dict(zip(table.column_names, table.columns, strict=True)), "Partner": partner, "TotalCharges": total}
    return pa.table({**columns, "region": pa.array(["north"] * len(texts)), **replaced})


def test_parquet_of_typed_columns_gives_the_lines_of_its_export_as_csv(score, tmp_path):
    pq.write_table(_table(), tmp_path / "in.parquet")

    out = score(tmp_path / "in.parquet", "parquet")

    assert lines_of(out, "predictions") == lines_here(tmp_path / "here", DATA / "sample.csv")["predictions"]


def test_bad_cells_of_a_table_are_rejected_with_the_customer_and_the_record(score, tmp_path):
    tenures = pa.array([None, -3, *[5] * 118], pa.int64())
    charges = pa.array([float("nan"), 20.5, *[30.0] * 118])
    pq.write_table(_table(tenure=tenures, MonthlyCharges=charges, TotalCharges=charges), tmp_path / "in.parquet")

    out = score(tmp_path / "in.parquet", "parquet")

    assert counts_of(out) == (120, 2, 0)
    first, second = lines_of(out, "rejects")
    assert b'MonthlyCharges must be a number from 0 to 1,000,000, not ""nan"".' in first
    assert b"tenure is blank; it must be" in first
    assert b",0000-SMPLE," in first
    assert b'tenure must be a whole number of months from 0 to 1,200, not ""-3"".' in second


def test_parquet_comes_out_with_typed_columns_and_the_same_answers(score, tmp_path):
    shutil.copy(DATA / "bad_numbers.csv", tmp_path / "bad.csv")

    out = score(tmp_path / "bad.csv", to="parquet", options=OutputOptions(value_at_risk=True))
    lines = score(tmp_path / "bad.csv", target=tmp_path / "lines", options=OutputOptions(value_at_risk=True))

    table = pq.read_table(sorted((out / "predictions").glob("*.parquet"))[0])
    assert table.column_names == [CUSTOMER_ID, "prediction", "probability", "tier", "value_at_risk", "error", "record"]
    assert table.schema.field("probability").type == pa.float64()
    as_lines = [
        row
        for part in sorted((lines / "predictions").iterdir())
        if part.suffix == ".csv"
        for row in csv.DictReader(part.open(encoding="utf-8"))
    ]
    typed = [
        {
            CUSTOMER_ID: row[CUSTOMER_ID],
            "prediction": row["prediction"] or "",
            "probability": "" if row["probability"] is None else f"{row['probability']:.4f}",
            "tier": row["tier"] or "",
            "error": row["error"] or "",
            "value_at_risk": "" if row["value_at_risk"] is None else f"{row['value_at_risk']:.2f}",
        }
        for row in table.to_pylist()
    ]
    assert sorted(typed, key=str) == sorted([{k: row[k] for k in typed[0]} for row in as_lines], key=str)
    rejects = pq.read_table(sorted((out / "rejects").glob("*.parquet"))[0]).to_pylist()
    assert len(rejects) == summary_of(out)["rows_rejected"] == 10
    assert all(row["error"] and row["record"] for row in rejects)


def test_a_table_of_the_catalog_is_scored_by_its_name(session, score, tmp_path):
    pq.write_table(_table(), tmp_path / "in.parquet")
    session.read.parquet(str(tmp_path / "in.parquet")).createOrReplaceTempView("customers")

    out = score("customers", "table")

    assert lines_of(out, "predictions") == lines_here(tmp_path / "here", DATA / "sample.csv")["predictions"]


def test_wrong_types_are_named_before_anything_runs(score, tmp_path):
    table = _table(MonthlyCharges=pa.array([True] * 120), Contract=pa.array([1] * 120))
    pq.write_table(table, tmp_path / "in.parquet")

    with pytest.raises(ChurnError) as refused:
        score(tmp_path / "in.parquet", "parquet")

    assert str(refused.value) == (
        "The table has columns of types that are not accepted: Contract is bigint, and must be text; MonthlyCharges is "
        "boolean, and must be text, whole number or number."
    )


def test_a_table_that_lacks_columns_is_refused_by_name(score, tmp_path):
    pq.write_table(_table().drop_columns(["Contract", "tenure"]), tmp_path / "in.parquet")

    with pytest.raises(ChurnError, match="lacks tenure and Contract"):
        score(tmp_path / "in.parquet", "parquet")


def test_a_file_of_another_type_among_parquet_files_is_found_before_anything_is_scored(score, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(_table(), folder / "a.parquet")
    pq.write_table(_table(tenure=pa.array(["5"] * 120)), folder / "b.parquet")

    with pytest.raises(ChurnError, match="Nothing was written"):
        score(folder, "parquet")
    (folder / "b.parquet").write_bytes(b"PK\x03\x04 a workbook")
    with pytest.raises(ChurnError, match=r"b\.parquet"):
        score(folder, "parquet")

    assert left_in(tmp_path) == []


def test_a_table_that_is_not_there_is_named(score):
    with pytest.raises(ChurnError, match="no_such_table"):
        score("no_such_table", "table")
