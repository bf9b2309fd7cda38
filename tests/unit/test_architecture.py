"""Who may import what, read off the source; and what one customer over HTTP costs to start."""

import ast
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"app", "benchmarks", "handler", "model", "tests"}
SHIPPED = ("app", "handler.py", "model")
MAY_IMPORT = {
    "model": set(),
    "app.log": set(),
    "app.settings": {"model"},
    "app.web": {"app.log", "app.settings", "model"},
    "app.jobs": {"model"},
    "app.spark": {"app.jobs", "model"},
    "app.wiring": {"app.jobs", "app.settings", "app.web", "model"},
    "app.server": {"app.log", "app.settings", "app.web", "app.wiring", "model"},
    "app.aws": {"app.jobs", "app.log", "app.settings", "app.web", "app.wiring", "model"},
    "app.cli": {"app.jobs", "app.log", "app.server", "app.settings", "app.spark", "app.web", "app.wiring", "model"},
    "handler": {"app.aws"},
}
"""The parts of this tree, and what each may import of the others: imports point one way."""

TRAINING = "model/training/"
ENGINE = ("model/pipeline.py", "model/trees.py")

HEAVY = [
    "numpy",
    "pyarrow",
    "pandas",
    "sklearn",
    "scipy",
    "joblib",
    "shap",
    "interpret",
    "numba",
    "boto3",
    "botocore",
    "pyspark",
    "tqdm",
    "waitress",
]

SCALAR = [
    f"model/{name}.py"
    for name in (
        "schema",
        "errors",
        "parse",
        "validate",
        "scorecard",
        "explain",
        "artifact",
        "contents",
        "strict_json",
        "scorecard_file",
    )
]
RICH = [f"model/{name}.py" for name in ("actions", "model_info", "result", "versions", "whatif")]
STANDARD_LIBRARY_ONLY = [
    *SCALAR,
    *RICH,
    *(
        "model/engine.py",
        "model/describe.py",
        "model/formulas.py",
        "app/settings.py",
        "app/log.py",
        "app/jobs/s3_events.py",
    ),
]

COLD_IMPORT_CEILING = 1.6
"""Times the CPU of `import flask`; 1.16 was measured."""

COLD_START_CEILING = 1.4
"""Times the CPU of `import flask, serverless_wsgi`, for Lambda's first answer; 1.16 was measured."""


def sources(*tops: str) -> list[str]:
    paths = [path for top in tops for path in ([ROOT / top] if top.endswith(".py") else (ROOT / top).rglob("*.py"))]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def imports(source: str) -> set[str]:
    """Return the full names of all modules that a file imports, wherever in it, for types too."""
    result = set()
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Import):
            result |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            result |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
    return result


def tops(source: str) -> set[str]:
    return {name.split(".")[0] for name in imports(source)}


def who_imports(*names: str) -> set[str]:
    wanted = set(names)
    return {source for source in sources(*SHIPPED) if any(wanted & set(_prefixes(name)) for name in imports(source))}


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def below(*positions: str) -> set[str]:
    return {source for source in sources(*SHIPPED) if source.startswith(positions)}


def test_the_files_that_these_rules_name_exist():
    assert {*STANDARD_LIBRARY_ONLY, "model/pipeline.py"} <= set(sources(*SHIPPED))


def part_of(name: str) -> str | None:
    """Return the part that a module, a file or a name in one belongs to."""
    module = name.removesuffix(".py").replace("/", ".")
    return next((prefix for prefix in _prefixes(module) if prefix in MAY_IMPORT), None)


def test_every_file_belongs_to_a_part():
    assert [source for source in sources(*SHIPPED) if part_of(source) is None] == ["app/__init__.py"]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_between_the_parts_point_one_way(part):
    files = [source for source in sources(*SHIPPED) if part_of(source) == part]

    actual = {other for source in files for name in imports(source) if (other := part_of(name))}
    assert actual - {part} <= MAY_IMPORT[part]


def test_the_package_of_everything_loads_nothing():
    # Whatever is imported below app/ runs it first, also on a worker of Spark, which has neither Flask nor boto3.
    assert imports("app/__init__.py") == set()


def test_the_domain_imports_no_entry_point():
    entry_points = {"app", "handler", "flask", "werkzeug", "click", "boto3", "botocore", "pyspark"}

    assert {source: tops(source) & entry_points for source in sources("model") if tops(source) & entry_points} == {}


def test_files_and_buckets_know_no_http():
    assert below("app/jobs/") & who_imports("flask", "werkzeug") == set()


def test_the_settings_are_read_in_the_composition_root_only():
    readers = {"app/aws/functions.py", "app/cli/terminal.py", "app/server.py", "app/wiring.py"}

    # The web knows their type, to check what it is passed.
    assert who_imports("app.settings") - readers == {"app/web/__init__.py", "app/web/service.py"}
    loaded = python("import app.web, json, sys; print(json.dumps([*sys.modules]), file=sys.stderr)")
    assert "app.settings" not in json.loads(loaded)


def test_nothing_that_ships_imports_tests_or_benchmarks():
    assert who_imports("tests", "benchmarks", "pytest", "hypothesis") == set()


@pytest.mark.parametrize("source", STANDARD_LIBRARY_ONLY)
def test_scoring_one_customer_needs_the_standard_library_only(source):
    foreign = {name for name in tops(source) if name not in sys.stdlib_module_names and name not in OURS}

    assert foreign == set()


@pytest.mark.parametrize(
    ("libraries", "positions"),
    [
        pytest.param(["joblib", "sklearn", "scipy"], ("model/pipeline.py", TRAINING), id="training"),
        pytest.param(["pandas"], (*ENGINE, TRAINING), id="pandas"),
        pytest.param(["shap"], ("model/trees.py",), id="shap"),
        pytest.param(["interpret"], ("model/training/ebm.py",), id="interpret"),
        pytest.param(["numpy"], ("model/bulk/", *ENGINE, TRAINING, "app/web/labels.py"), id="numpy"),
        pytest.param(["pyarrow"], ("model/bulk/", "app/web/labels.py"), id="pyarrow"),
        pytest.param(
            ["flask", "werkzeug"], ("app/aws/gateway.py", "app/web/", "app/server.py", "app/wiring.py"), id="flask"
        ),
        pytest.param(["waitress"], ("app/server.py", "app/web/refusals.py"), id="waitress"),
        pytest.param(["prometheus_client"], ("app/web/metrics.py",), id="metrics"),
        pytest.param(["serverless_wsgi"], ("app/aws/gateway.py",), id="bridge"),
        pytest.param(["click", "tqdm"], ("app/cli/",), id="terminal"),
        pytest.param(
            ["boto3", "botocore"], ("app/jobs/bucket.py", "app/jobs/s3_errors.py", "app/jobs/uploads.py"), id="aws"
        ),
        pytest.param(["urllib3"], ("app/jobs/s3_errors.py", "app/cli/client.py"), id="http"),
        pytest.param(["pyspark"], ("app/spark.py",), id="spark"),
    ],
)
def test_a_library_is_imported_in_its_own_place_only(libraries, positions):
    assert who_imports(*libraries) - below(*positions) == set()


def test_what_only_a_server_has_is_imported_by_it_alone():
    assert who_imports("app.web.metrics") == {"app/wiring.py"}
    assert who_imports("app.web.rate_limit", "app.web.slots") == {"app/wiring.py"}


def test_the_model_is_loaded_and_stores_are_made_by_the_wiring_alone():
    makers = {"BucketLayout", "RateLimit", "Scoring", "Store", "Uploads", "connect", "create_app", "load_scorer"}
    callers = {
        source
        for source in sources(*SHIPPED)
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Call) and {getattr(node.func, "attr", ""), getattr(node.func, "id", "")} & makers
    }

    # The routes call what they were handed, under the same names.
    assert callers - below("app/jobs/", "app/web/", "model/") == {"app/wiring.py"}


def test_training_is_imported_by_nothing_that_serves():
    # The command imports it by name, when it is asked to train.
    assert who_imports("model.training") - below(TRAINING) == set()


def test_the_environment_is_read_by_the_settings_only():
    readers = {
        source
        for source in sources(*SHIPPED)
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }

    assert readers == {"app/settings.py"}


def test_the_domain_reads_no_clock_rolls_no_dice_and_writes_no_log():
    unsteady = {"time", "datetime", "logging", "random", "secrets", "uuid", "socket", "urllib", "http"}
    steps = [source for source in sources("model") if not source.startswith(TRAINING)]

    assert {source: tops(source) & unsteady for source in steps if tops(source) & unsteady} == {}


def test_every_module_names_its_step():
    assert [source for source in sources(*SHIPPED, "benchmarks") if not ast.get_docstring(tree(source))] == []


ONE_CUSTOMER = """
import json, sys
from app.web import create_app
from model.engine import load_scorer
from model.artifact import first_schema
from app.settings import Settings
from werkzeug.test import create_environ, run_wsgi_app

path = sys.argv[1] if len(sys.argv) > 1 else "/v1/customer"
customer = dict(first_schema().example)
environ = create_environ(path, method="POST", json={"customer": customer} if "what-if" in path else customer)
body, status, _ = run_wsgi_app(create_app(load_scorer(), Settings()), environ)
assert status == "200 OK", status
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

ONE_EVENT = """
import json, sys
import handler
from model.artifact import first_schema

with open("tests/events/http_api_v2.json") as file:
    event = json.load(file)
answer = handler.handler({**event, "body": json.dumps(dict(first_schema().example))}, None)
assert answer["statusCode"] == 200, answer
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def python(code: str, *arguments: str) -> str:
    words = [sys.executable, "-c", code, *arguments]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stderr


def cpu_seconds(code: str, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    python(code, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "words",
    [(ONE_CUSTOMER, "/v1/customer"), (ONE_CUSTOMER, "/v2/customers"), (ONE_CUSTOMER, "/v2/what-if"), (ONE_EVENT,)],
    ids=["v1", "v2", "what-if", "an event of Lambda"],
)
def test_one_customer_over_http_loads_nothing_heavy(words):
    loaded = set(json.loads(python(*words)))

    ours = {"model.bulk", "model.pipeline", "model.training", "app.cli", "app.jobs", "app.server"}
    ours |= {"app.web.metrics", "app.web.rate_limit", "app.web.slots"}
    assert loaded & {*HEAVY, *ours, "prometheus_client"} == set()


def test_one_customer_loads_nothing_heavy_where_uploads_are_taken(monkeypatch):
    monkeypatch.setenv("CHURN_INBOX_BUCKET", "churn-inbox")
    monkeypatch.setenv("CHURN_RESULTS_BUCKET", "churn-results")

    loaded = set(json.loads(python(ONE_EVENT)))

    assert loaded & {*HEAVY, "app.jobs", "app.web.uploads"} == set()


def test_an_upload_begins_without_what_only_files_need():
    loaded = set(
        json.loads(python("import app.jobs.uploads, json, sys; print(json.dumps([*sys.modules]), file=sys.stderr)"))
    )

    assert loaded & {"numpy", "pyarrow", "flask"} == set()


def test_one_customer_of_v1_does_without_what_only_v2_needs():
    loaded = set(json.loads(python(ONE_CUSTOMER, "/v1/customer")))

    assert (
        loaded
        & {"app.web.customers", "app.web.openapi", "app.web.response_schemas", "app.web.batches", "model.actions"}
        == set()
    )


@pytest.mark.no_cover
def test_one_customer_over_http_starts_hardly_slower_than_flask_itself():
    pairs = [(cpu_seconds("import flask"), cpu_seconds(ONE_CUSTOMER, "/v1/customer")) for _ in range(7)]

    assert statistics.median(ours / flask for flask, ours in pairs) <= COLD_IMPORT_CEILING, pairs


@pytest.mark.no_cover
def test_the_first_answer_on_lambda_takes_hardly_longer_than_flask_and_the_bridge():
    pairs = [(cpu_seconds("import flask, serverless_wsgi"), cpu_seconds(ONE_EVENT)) for _ in range(7)]

    assert statistics.median(ours / floor for floor, ours in pairs) <= COLD_START_CEILING, pairs
