"""What a worker does with its part, without a cluster around it."""

import io
import json
import subprocess
import sys
import zipfile
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import COLUMNS, EXAMPLE, SCHEMA

from app.jobs.spark_zip import write_zip
from model import artifact
from model.bulk import cluster
from model.bulk.cluster import Work
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.population import load
from model.bulk.run import FileLimits, Run
from model.bulk.summary import Summary
from model.bulk.table import TableRecords, check_kinds
from model.errors import InputError
from model.outputs import OutputOptions

DATA = Path(__file__).parents[1] / "data"
SCORER = artifact.load()


def make_work(typed: bool = False) -> Work:
    return Work(SCORER, load(SCORER), OutputOptions(), FileLimits(), None, typed)


def spoilt() -> bytes:
    """The sample with bad rows, ragged rows, a blank line, and its header once more as a row."""
    head, *rows = (DATA / "sample.csv").read_bytes().splitlines(keepends=True)
    rows[3] = rows[3].replace(b"Yes", b"Perhaps").replace(b"No", b"Perhaps")
    rows[50] = b"short,row\n"
    rows[51] = b" , \n"
    return head + b"".join(rows) + head


def pieces_of(content: bytes, cuts: list[int], file: int = 7) -> list[list[pa.RecordBatch]]:
    """The lines of a file cut into pieces that start at some of them, each in batches of 50."""
    lines = content.removesuffix(b"\n").split(b"\n")
    offsets = np.cumsum([0, *(len(line) + 1 for line in lines)])
    bounds = [0, *sorted({cut % len(lines) for cut in cuts} - {0}), len(lines)]
    return [
        [batch_of(lines[start : min(start + 50, high)], file, int(offsets[low])) for start in range(low, high, 50)]
        for low, high in pairwise(bounds)
    ]


def batch_of(lines: list[bytes], file: int, start: int) -> pa.RecordBatch:
    count = len(lines)
    text = pa.array(lines, pa.binary()).cast(pa.string(), safe=False)
    return pa.RecordBatch.from_arrays([text, pa.array([file] * count), pa.array([start] * count)], ["a", "b", "c"])


def scored(parts: list[list[pa.RecordBatch]], content: bytes, work: Work | None = None) -> list[dict[str, list[str]]]:
    """What comes of each part, by kind."""
    work = work or make_work()
    layout, _ = cluster.look(io.BytesIO(content), work)
    return [collect(cluster.score_lines(part, layout, work)) for part in parts]


def collect(result) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for batch in result:
        for kind, value in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            kinds.setdefault(kind, []).append(value)
    return kinds


def rows_of(parts: list[dict[str, list[str]]], kind: str) -> list[str]:
    """The lines of all parts, without the header that each of them has once."""
    result = []
    for part in parts:
        lines = "\n".join(part.get(kind, [])).split("\n") if kind in part else []
        result += lines[1:]
    return result


def merged(parts: list[dict[str, list[str]]]) -> dict:
    whole = Summary(SCORER, numbered=False)
    for part in parts:
        whole.merge(json.loads(part["counts"][0])["summary"])
    return whole.to_dict()


def scored_here(content: bytes) -> tuple[list[str], list[str], dict]:
    """Prediction and reject lines without row numbers, and the summary, as the other entry points write them."""
    run = Run(io.BytesIO(content), SCORER)
    good, bad = Predictions(SCORER), Rejects(run.header, run.delimiter)
    blocks = list(run)
    lines = ["".join(writer.lines(block).decode() for block in blocks).splitlines() for writer in (good, bad)]
    rows, rejects = ([line.split(",", 1)[1] for line in item] for item in lines)
    return rows, rejects, run.summary()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_however_a_file_is_cut_its_rows_and_counts_are_those_of_the_whole(cuts, is_one_part):
    content = spoilt()
    pieces = pieces_of(content, cuts)

    parts = scored([list(chain(*pieces))] if is_one_part else pieces, content)

    predictions, rejects, summary = scored_here(content)
    assert rows_of(parts, "predictions") == predictions
    assert rows_of(parts, "rejects") == rejects
    actual = merged(parts)
    for top in (actual["top"], summary["top"]):
        for item in top:
            item.pop("row", None)
    assert {key: summary[key] for key in actual} == actual


def test_two_files_in_one_part_each_lose_their_header_only():
    content = (DATA / "good.csv").read_bytes()

    parts = scored([pieces_of(content, [], file=1)[0] + pieces_of(content, [], file=2)[0]], content)

    assert rows_of(parts, "predictions") == scored_here(content)[0] * 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b'0,"A\nB",1\n', "A quote is still open at the end of a line.", id="quoted line end"),
        pytest.param(b"0,\xff,1\n", "bytes that are not UTF-8", id="encoding"),
        pytest.param(b"0," + b"x" * (1 << 20) + b",1\n", "longer than 1,048,576 bytes", id="endless line"),
    ],
)
def test_what_is_wrong_with_a_file_ends_it_and_is_reported(content, code):
    good = (DATA / "good.csv").read_bytes()

    (part,) = scored([list(chain(*pieces_of(good + content, [])))], good)

    assert code in part["failures"][0]
    assert json.loads(part["failures"][0])["file"] == 7


def test_each_part_reports_the_decimal_mark_of_its_file():
    content = (DATA / "semicolons_decimal_commas.csv").read_bytes()

    (part,) = scored(pieces_of(content, []), content)

    assert json.loads(part["counts"][0])["marks"] == [[7, ","]]


def test_cells_of_a_table_are_text_as_a_csv_would_have_it():
    columns = [
        pa.array(['a"b', "c,d", None]),
        pa.array([True, False, None]),
        pa.array([1, 2, None]),
        pa.array([70.35, 1e-7, float("nan")]),
        pa.array([70.35, 5, None], pa.float32()),
        pa.array(["x", None, "x"]).dictionary_encode(),
    ]

    cells = TableRecords(columns)

    assert cells.count == 3
    assert [cells[position] for position in range(3)] == [
        b'"a""b",true,1,70.35,70.35,x\n',
        b'"c,d",false,2,1e-7,5,\n',
        b",,,nan,,x\n",
    ]


def test_rows_of_a_table_are_validated_as_rows_of_a_csv():
    names = list(COLUMNS)
    customer = {"customerID": 7, **EXAMPLE}
    tables = [customer, {**customer, "tenure": None}, {**customer, "SeniorCitizen": 2}, dict.fromkeys(names)]
    columns = [pa.array([table[name] for table in tables]) for name in names]
    work = make_work()
    layout = cluster.Layout(tuple(names), tuple((name, position) for position, name in enumerate(names)))

    part = collect(cluster.score_rows([pa.RecordBatch.from_arrays(columns, names)], layout, work))

    assert rows_of([part], "predictions") == [
        "7,churn,0.5205,high,",
        '7,,,,"tenure is blank; it must be a whole number of months from 0 to 1,200."',
        '7,,,,"SeniorCitizen must be 0 or 1, not ""2""."',
    ]
    assert merged([part])["blank_lines"] == 1


@pytest.mark.parametrize(
    ("name", "kind", "is_taken"),
    [
        ("customerID", "text", True),
        ("customerID", "whole number", True),
        ("customerID", "number", False),
        ("SeniorCitizen", "boolean", True),
        ("SeniorCitizen", "number", True),
        ("Partner", "boolean", True),
        ("Partner", "whole number", False),
        ("Contract", "boolean", False),
        ("tenure", "boolean", False),
        ("MonthlyCharges", "number", True),
        ("MonthlyCharges", None, False),
    ],
)
def test_a_column_is_taken_where_json_would_take_its_values(name, kind, is_taken):
    try:
        check_kinds({name: (kind, "its type")}, SCHEMA)
    except InputError as error:
        assert not is_taken
        assert f"{name} is its type, and must be text" in str(error)
    else:
        assert is_taken


def test_the_code_that_is_shipped_runs_out_of_its_zip_and_brings_the_model(tmp_path):
    archive = write_zip(tmp_path / "churn.zip")
    code = (
        "from model import artifact; from model.bulk.population import load; import app.jobs.spark_zip, app.cli.spark;"
        "scorer = artifact.load(); print(scorer.sha256, bool(load(scorer)), app.jobs.spark_zip.runs_from_zip())"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(archive)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [SCORER.sha256, "True", "True"]
    names = zipfile.ZipFile(archive).namelist()
    assert not [
        name
        for name in names
        if name.startswith(("app/aws/", "app/server.py", "app/web/", "model/training/", "tests/"))
    ]
    assert write_zip(tmp_path / "again.zip").read_bytes() == archive.read_bytes()
