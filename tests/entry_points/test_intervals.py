"""The 95 % interval of a probability is the same at every entry point, where it is asked for and the model has it."""

import json
import random

import pytest
from commands import clear_settings, run_command
from other_schema import BAD, GOOD, NAMES, SCORECARD, SHOPPERS, VERSION, cells_of, files, to_bytes, to_csv, write_models

from app.settings import Settings
from app.web import create_app
from app.wiring import build
from model.engine import load_scorer
from model.errors import ArtifactError
from model.interval import starts_of

BOUNDS = ["probability_low", "probability_high"]
FILE = to_csv([shopper.row for shopper in SHOPPERS])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    plain = write_models(tmp_path_factory.mktemp("plain") / "models")
    draw, points = random.Random(5), starts_of(load_scorer(models=str(plain)))[-1]
    deviations = [[draw.randrange(-4000, 4000) for _ in range(points)] for _ in range(7)]
    terms = [[name] for name in NAMES] + [pair["features"] for pair in SCORECARD["pairs"]]
    document = {"unit": 0.0001, "terms": terms, "columns": list(range(points)), "deviations": deviations}
    contents = {**files(), "interval.json": to_bytes(document)}
    return plain, write_models(tmp_path_factory.mktemp("with") / "models", contents)


def client_of(root):
    return create_app(load_scorer(models=str(root)), Settings()).test_client()


@pytest.fixture(scope="module")
def expected(models) -> list[list[str]]:
    """The bounds of each customer alone, as JSON has them."""
    client = client_of(models[1])
    answers = [client.post("/v2/customers?probability_interval=true", json=shopper.row).json for shopper in SHOPPERS]
    for answer in answers:
        assert answer["probability_low"] < answer["probability"] < answer["probability_high"]
    return [[f"{answer[bound]:.4f}" for bound in BOUNDS] for answer in answers]


def bounds_of(rows) -> list[list[str]]:
    return [[str(row[bound]) for bound in BOUNDS] for row in rows]


def test_a_list_of_customers_has_the_interval_of_each(models, expected):
    body = {"customers": [shopper.row for shopper in SHOPPERS]}
    results = client_of(models[1]).post("/v2/customers?probability_interval=true", json=body).json["results"]
    assert [[f"{result[bound]:.4f}" for bound in BOUNDS] for result in results] == expected


def test_a_file_over_http_has_the_same(models, expected):
    client, query = client_of(models[1]), "/v2/batches?probability_interval=true&reasons=1"
    answer = client.post(query, data=FILE, content_type="text/csv")
    assert answer.text.splitlines()[0].endswith("error,probability_low,probability_high,reason_1")
    assert bounds_of(cells_of(answer.text)) == expected
    lines = client.post(query, data=FILE, content_type="text/csv", headers={"Accept": "application/x-ndjson"}).text
    *rows, _ = [json.loads(line, parse_float=str) for line in lines.splitlines()]
    assert bounds_of(rows) == expected


def test_the_command_and_the_folder_have_the_same(models, expected, tmp_path, monkeypatch):
    clear_settings(monkeypatch)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "list.csv").write_bytes(FILE)
    words = ["score", str(tmp_path / "in" / "list.csv"), "-o", str(tmp_path / "scored"), "--probability-interval"]
    done = run_command(*words, "--models", str(models[1]))
    assert done.exit_code == 0, done.output
    assert bounds_of(cells_of((tmp_path / "scored" / "predictions.csv").read_text())) == expected

    monkeypatch.setenv("CHURN_PROBABILITY_INTERVAL", "yes")
    words = ["watch", str(tmp_path / "in"), str(tmp_path / "out"), "--once", "--interval", "0.05"]
    done = run_command(*words, "--models", str(models[1]))
    assert done.exit_code == 0, done.output
    (predictions,) = (tmp_path / "out").rglob("predictions.csv")
    assert bounds_of(cells_of(predictions.read_text())) == expected


def test_rejected_rows_have_no_bounds(models):
    rows = [GOOD.row, next(row for row, _ in BAD.values())]
    answer = client_of(models[1]).post(
        "/v2/batches?probability_interval=true", data=to_csv(rows), content_type="text/csv"
    )
    good, bad = cells_of(answer.text)
    assert good["probability_low"] < good["probability"]
    assert (bad["probability"], bad["probability_low"], bad["probability_high"]) == ("", "", "")
    assert bad["error"]


def test_nothing_of_it_is_there_where_it_is_not_asked_for(models):
    plain, with_interval = [client_of(root).post("/v2/customers", json=GOOD.row).json for root in models]
    assert plain == with_interval
    assert not set(BOUNDS) & set(plain)


def test_the_description_has_it_for_a_model_that_has_it(models):
    plain, with_interval = [client_of(root).get("/openapi.json").json for root in models]
    assert "probability_interval" not in json.dumps(plain["paths"])
    for route in ("/v2/customers", "/v2/batches"):
        parameters = with_interval["paths"][route]["post"]["parameters"]
        assert "probability_interval" in [parameter["name"] for parameter in parameters]
    for name in ("OneResult", "Result", "Row"):
        schema = with_interval["components"]["schemas"][name]
        assert set(BOUNDS) <= set(schema["properties"])
        assert not set(BOUNDS) & set(schema["required"])


@pytest.mark.parametrize("path", ["customers", "batches"])
def test_a_model_without_intervals_refuses_over_http_by_code(models, path):
    body = {"json": GOOD.row} if path == "customers" else {"data": FILE, "content_type": "text/csv"}
    answer = client_of(models[0]).post(f"/v2/{path}?probability_interval=true", **body)
    assert (answer.status_code, answer.json["code"]) == (400, "no_interval")
    assert answer.json["detail"].startswith(f"Model {VERSION} has no intervals")


def test_a_model_without_intervals_refuses_on_the_command_line(models, tmp_path):
    (tmp_path / "list.csv").write_bytes(FILE)
    words = ["score", str(tmp_path / "list.csv"), "--probability-interval", "--models", str(models[0])]
    done = run_command(*words)
    assert done.exit_code == 2
    assert f"Model {VERSION} has no intervals of its probabilities" in done.stderr
    assert not (tmp_path / "list-scored").exists()


@pytest.fixture
def damaged(tmp_path):
    return write_models(tmp_path / "damaged", {**files(), "interval.json": b'{"unit": 2}'})


def test_a_server_does_not_start_with_a_file_that_cannot_be_used(damaged):
    with pytest.raises(ArtifactError, match=r"interval\.json"):
        build(Settings(models=str(damaged)))


@pytest.mark.parametrize("path", ["customers", "batches"])
def test_a_function_with_a_file_that_cannot_be_used_refuses_intervals_by_code_and_answers_others(damaged, path, capsys):
    client = client_of(damaged)
    body = {"json": GOOD.row} if path == "customers" else {"data": FILE, "content_type": "text/csv"}
    answer = client.post(f"/v2/{path}?probability_interval=true", **body)
    assert (answer.status_code, answer.json["code"]) == (500, "broken_interval")
    assert str(damaged) not in answer.text
    assert "interval.json is incomplete" in capsys.readouterr().out
    assert client.post(f"/v2/{path}", **body).status_code == 200


@pytest.mark.parametrize("path", ["customers", "batches", "what-if"])
def test_the_short_name_is_no_option(models, path):
    answer = client_of(models[1]).post(f"/v2/{path}?interval=true", json=GOOD.row)
    assert answer.json["code"] == "unknown_option"
