"""Words and names with accents in any case and Unicode form: the same customer at every entry point."""

import csv
import io
import json
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_schema import GOOD, NAMES, PLAN, REGION, cells_of, expect, files, write_models
from schemas import respelt

from app.cli.__main__ import churn
from app.settings import Settings
from app.web import create_app
from model.engine import load_scorer

RENAMED = {"a;b": "Łódź, Άλλος Ǆ", "-none-": "Straße Ňé ǰ"}
FOREIGN = ["Größe XXL", "Lodz, Άλλος Ǆ", "\u212aölsch", "ſtandard", "Ｓtandard"]
"""Words that are none of the schema, though some look like one."""


def _rename(content: bytes) -> bytes:
    for before, after in RENAMED.items():
        content = content.replace(f'"{before}"'.encode(), f'"{after}"'.encode())
    return content


CONTENTS = {name: _rename(content) for name, content in files().items()}
SCHEMA, SCORECARD = [json.loads(CONTENTS[f"{name}.json"]) for name in ("schema", "scorecard")]
PLANS, REGIONS = [SCHEMA["features"][index]["values"] for index in (0, 1)]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("spellings") / "models", CONTENTS)


@pytest.fixture(scope="module")
def client(models):
    return create_app(load_scorer(models=str(models)), Settings()).test_client()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    numbers = count()
    return lambda: tmp_path_factory.mktemp(f"scored-{next(numbers)}")


@st.composite
def customers(draw) -> tuple[dict[str, str], dict[str, object]]:
    plan, region = draw(st.sampled_from([*PLANS, *FOREIGN])), draw(st.sampled_from(REGIONS))
    cells = {**GOOD.row, PLAN: plan if plan in FOREIGN else draw(respelt(plan)), REGION: draw(respelt(region))}
    return cells, {**GOOD.typed, PLAN: "(other)" if plan in FOREIGN else plan, REGION: region}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(customers(), min_size=1, max_size=8), data=st.data())
def test_a_spelling_is_read_alike_alone_in_a_list_in_a_file_and_by_the_command(client, models, folder, rows, data):
    header = [data.draw(respelt(name)) for name in NAMES]
    bodies = [dict(zip(header, [cells[name] for name in NAMES], strict=True)) for cells, _ in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerows(bodies)
    file, target = folder() / "customers.csv", folder() / "scored"
    file.write_bytes(text.getvalue().encode())
    expected = [expect(typed, SCHEMA, SCORECARD) for _, typed in rows]

    for body, (_, typed), wanted in zip(bodies, rows, expected, strict=True):
        alone = client.post("/v2/customers?reasons=all", json=body).json
        values = {reason["feature"]: reason["value"] for reason in alone["reasons"] if "feature" in reason}
        assert (alone["log_odds"], values) == (wanted.log_odds, typed)
    listed = client.post("/v2/customers", json={"customers": bodies}).json["results"]
    assert [f"{result['probability']:.4f}" for result in listed] == [wanted.printed for wanted in expected]
    sent = client.post("/v2/batches", data=file.read_bytes(), content_type="text/csv", headers={"Accept": "text/csv"})
    done = CliRunner().invoke(churn, ["score", str(file), "--models", str(models), "--out", str(target)])
    assert done.exit_code == 0, done.output
    for answer in (sent.text, (target / "predictions.csv").read_text(encoding="utf-8")):
        assert [row["probability"] for row in cells_of(answer)] == [wanted.printed for wanted in expected]


@pytest.mark.parametrize("word", ["Ile-de-France", "Strasse Ňé ǰ", "\u212aöln"])
def test_what_only_looks_like_a_word_is_refused_as_before(client, word):
    answer = client.post("/v2/customers", json={**GOOD.row, REGION: word})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["code"] == "unknown_word"
