"""Cells that a spreadsheet would run as a formula: one table for the Python writers and for the page's own."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from app.jobs.scoring import Scoring
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.run import FileLimits, Run
from model.formulas import escape_formulas
from model.outputs import OutputOptions

PAGE = Path(__file__).parents[2] / "app" / "web" / "static" / "page" / "list" / "formulas.js"

CASES = [
    # What OWASP lists, at the start.
    *[(f"{start}1+1", f"'{start}1+1") for start in ("=", "+", "-", "@")],
    *[(f"{start}x", f"'{start}x") for start in ("\t", "\r", "\n", " \t", '"\n')],
    ("\t=1", "'\t'=1"),
    ("\r\n=1", "'\r\n'=1"),
    # Full-width and other forms.
    *[(f"{start}1", f"'{start}1") for start in "＝＋－＠﹦﹢﹣﹫\u2212"],
    # Behind what programs drop.
    *[(f"{before}=1", f"'{before}=1") for before in ("\0", "\x01", " ", "   ", "\xa0", "\ufeff", "\u200b", "\u3000")],
    *[
        (f"{before}=1", f"'{before}=1")
        for before in ("\u202e", "\u2800", "\u115f", "\ufe0f", "\U000e0020", "\0 \ufeff")
    ],
    # At the start of what another program takes for a cell.
    *[(f"x{separator}=1+1", f"x{separator}'=1+1") for separator in ",;|\t\r\n"],
    ("x;=1+1;y", "x;'=1+1;y"),
    ("x; \0＠SUM(1)", "x;' \0＠SUM(1)"),
    ("a;-1;=2;+3;@b", "a;-1;'=2;+3;'@b"),
    (";;=1", ";;'=1"),
    # The two of OWASP's page, and quotes in front.
    ('=1+2";=1+2', "'=1+2\";'=1+2"),
    ("=1+2'\" ;,=1+2", "'=1+2'\" ;,'=1+2"),
    ('"=1', "'\"=1"),
    ('x;"=1"', 'x;\'"=1"'),
    ('x;"" "=1', 'x;\'"" "=1'),
    # What is no number.
    ("-", "'-"),
    ("-5a", "'-5a"),
    ("-5 6", "'-5 6"),
    ("-5,5", "'-5,5"),
    ("-5;-6;=1", "'-5;-6;'=1"),
    ("--5", "'--5"),
    ("-1e", "'-1e"),
    ("-٣", "'-٣"),
    ("+49 171 234", "'+49 171 234"),
    ("-5\u200b", "'-5\u200b"),
    # Plain numbers and text.
    *[
        (plain, plain)
        for plain in ("", "-5", "+1.5", "-.5", "-5.", "-1e3", "+1E-3", " -5 ", "0", "1;-6", "1,-5", "5;+1 ")
    ],
    *[
        (plain, plain)
        for plain in ("abc", "7590-VHVEG", "a=b", "a@b.de", "5+5", "x; y", "Zoë", "x' =1", "'=1", "x;'=1")
    ],
]

CELLS = ["=1+1", "x;=cmd()", "\0=1", "＝1", "x\t@y", "x\n=1", 'x";=1', "-5", "plain"]
UNSEEN_CHARACTERS = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zs", "Zl", "Zp") and chr(code) not in "\t\r\n"
]


def by_the_page(tmp_path: Path, texts: list[str]) -> list[str]:
    """What the page makes of each text, run by node."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    (tmp_path / "formulas.mjs").write_bytes(PAGE.read_bytes())
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    (tmp_path / "run.mjs").write_text(
        'import { readFileSync } from "node:fs";\nimport { escapeFormulas } from "./formulas.mjs";\n'
        'console.log(JSON.stringify(JSON.parse(readFileSync("texts.json")).map(escapeFormulas)));\n'
    )
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    result: list[str] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(("text", "safe"), CASES)
def test_a_cell_that_would_run_gets_an_apostrophe_where_it_would_begin(text, safe):
    assert escape_formulas(text) == safe


def test_the_page_writes_every_cell_as_python_does(tmp_path):
    assert by_the_page(tmp_path, [text for text, _ in CASES]) == [safe for _, safe in CASES]


def test_no_invisible_character_hides_a_formula_in_python_or_on_the_page(tmp_path):
    texts = [unseen_character + "=1" for unseen_character in UNSEEN_CHARACTERS] + [
        f"x;{unseen_character}=1" for unseen_character in UNSEEN_CHARACTERS
    ]

    ours, pages = [escape_formulas(text) for text in texts], by_the_page(tmp_path, texts)

    assert [text for text, safe in zip(texts, ours, strict=True) if "'" not in safe] == []
    assert pages == ours


@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_a_cell_made_safe_stays_as_it_is_the_next_time(text):
    once = escape_formulas(text)

    assert escape_formulas(once) == once


@pytest.mark.parametrize("text", ["\t" * 200_000, ";" * 200_000, " " * 200_000, "-" + "5" * 200_000, ',"' * 100_000])
def test_a_long_cell_takes_no_longer_than_its_length(text):
    started = time.process_time()

    escape_formulas(text)

    assert time.process_time() - started < 1


def starts_of_cells(text: str) -> list[str]:
    """Where a program that knows no quotes would begin a cell, whichever separator it takes."""
    return [part for separator in ",;|\t" for line in re.split("[\r\n]", text) for part in line.split(separator)]


def is_formula(cell: str) -> bool:
    bare = cell.strip('" \0')
    return bare.startswith(("=", "@", "＝")) or (bare.startswith("-") and bare != "-5")


@pytest.mark.parametrize("separator", ",;\t")
@pytest.mark.parametrize("column", [CUSTOMER_ID, "Contract", "note", "too many"])
def test_no_file_for_people_begins_a_formula_however_it_is_split(scorer, separator, column):
    rows = []
    for cell in CELLS:
        row = {CUSTOMER_ID: "C1", **{name: str(value) for name, value in EXAMPLE.items()}, "note": ""}
        rows.append([*{**row, column: cell}.values()][: len(row) + (column == "too many")])
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([[CUSTOMER_ID, *NAMES, "note;=1"], *rows])
    options = OutputOptions(include_input=True, reasons=1, value_at_risk=True, spreadsheet_safe=True)

    run = Run(io.BytesIO(text.getvalue().encode()), scorer)
    good = Predictions(scorer, options, run.header)
    bad = Rejects(run.header, run.delimiter, spreadsheet_safe=True)
    blocks = list(run)
    files = [(item.header + b"".join(map(item.lines, blocks))).decode() for item in (good, bad)]

    assert [cell for file in files for cell in starts_of_cells(file) if is_formula(cell)] == []


def test_rejects_are_escaped_like_predictions(scorer):
    line = ",".join(["=1+1", *map(str, EXAMPLE.values())]).replace("Month-to-month", "x;=1")
    run = Run(io.BytesIO(f"{CUSTOMER_ID},{','.join(NAMES)}\n{line}\n".encode()), scorer)
    predictions, rejects = io.BytesIO(), io.BytesIO()

    Scoring(scorer, OutputOptions(spreadsheet_safe=True), FileLimits()).write(run, predictions, rejects)

    assert b",'=1+1," in predictions.getvalue()
    assert b",'=1+1," in rejects.getvalue()
    assert b"x;=1" not in predictions.getvalue() + rejects.getvalue()
