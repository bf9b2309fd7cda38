"""Fixtures that more than one test module needs."""

import io
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from browser import chromium, open_page, page, served  # noqa: F401 - fixtures
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from ports import free_port, wait_for
from shipped import EXAMPLE, FEATURES, SCHEMA, SCHEMA_VERSION
from trainings import (  # noqa: F401 - fixtures
    boosted_models,
    data,
    data_csv,
    fitted,
    one_blas_thread,
    training_progress,
    two_versions,
)

from app.settings import Settings
from app.web import create_app
from model import artifact
from model.schema import Categorical
from model.scorecard import Scorecard
from model.scorecard_file import read_scorecard

if TYPE_CHECKING:
    from buckets import Buckets

# How long an example takes depends more on other work on the machine than on the code; pytest-timeout ends what hangs.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

if not find_spec("pyspark"):
    # "make test-slow" runs them in .venv-spark.
    collect_ignore_glob = ["entry_points/test_spark*.py"]


def pytest_report_header() -> list[str]:
    return [] if find_spec("pyspark") else ["left out: the tests of Spark, which make test-slow runs in .venv-spark"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return fail_if_skipped((yield))


def fail_if_skipped(report):
    """Let no test be skipped in CI: whatever it lacks, .ci/run has to install."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"skipped, though CI=true: {report.longrepr[2]}"
        report.outcome = "failed"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, and those of tests/images, which share images, too."""
    from xdist.scheduler import LoadFileScheduling

    class FolderOfImagesScheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/images" if nodeid.startswith("tests/images/") else super()._split_scope(nodeid)

    return FolderOfImagesScheduling(config, log)


@pytest.fixture
def make_customer() -> Callable[..., dict[str, object]]:
    """A valid customer but for the values given; a value of None stays, `...` leaves the field out."""

    def make(**values: object) -> dict[str, object]:
        return {name: value for name, value in {**EXAMPLE, **values}.items() if value is not ...}

    return make


@pytest.fixture
def customer(make_customer) -> dict[str, object]:
    """The customer of the seed document."""
    return make_customer()


@pytest.fixture(scope="session")
def scorer() -> Scorecard:
    """The model that is served by default."""
    return artifact.load()


@pytest.fixture(scope="session")
def app(scorer) -> Flask:
    return create_app(scorer, Settings())


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def lambda_event() -> Callable[..., dict[str, object]]:
    """An event of HTTP as an edge of Lambda sends it: edge, path, method and body, and what else is to differ."""
    import http_events

    return http_events.event


@pytest.fixture(scope="session")
def toy_scorecard() -> Scorecard:
    """A small made-up model, for tests of how rather than what."""
    terms = []
    for position, feature in enumerate(FEATURES, start=1):
        if isinstance(feature, Categorical):
            points = {str(value): (code - 0.7) * position / 7 for code, value in enumerate(feature.values)}
            terms.append({"feature": feature.name, "table": points})
        else:
            top = {"tenure": 72, "MonthlyCharges": 120}.get(feature.name, 8600)
            knots = [top * step / 7 for step in range(1, 8)]
            terms.append({"feature": feature.name, "knots": knots, "points": [0.9, 0.4, 0.1, -0.2, 0.05, -0.4, -1 / 3]})
    document = {
        "version": "0.0.1",
        "schema_version": SCHEMA_VERSION,
        "threshold": 0.3,
        "tiers": {"high": 0.5, "medium": 0.25, "low": 0},
        "intercept": -1.2,
        "ranges": {},
        "terms": terms,
    }
    return read_scorecard(document, SCHEMA, "0" * 64)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The address of a running `moto_server`: S3, SQS and SNS over HTTP. The environment points to it from then on."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
            }.items():
                patch.setenv(name, value)
            yield os.environ["AWS_ENDPOINT_URL"]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def s3(moto_server):
    """A client of the server, as the bucket's entry point makes it, but for fewer attempts."""
    from app.jobs.bucket import connect

    return connect(max_attempts=2, timeout_s=10)


@pytest.fixture
def bucket(s3) -> "Buckets":
    """A fresh inbox and a fresh bucket for results, without versions."""
    from buckets import Buckets

    return Buckets(s3, secrets.token_hex(6))


@pytest.fixture
def versioned_bucket(s3) -> "Buckets":
    """The same, but both keep versions."""
    from buckets import Buckets

    return Buckets(s3, secrets.token_hex(6), versioned=True)


@pytest.fixture(scope="session")
def lasting_proxy(moto_server):
    from faulty_proxy import FaultyProxy

    proxy = FaultyProxy(moto_server)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(lasting_proxy, moto_server):
    """A way to the server on which requests fail on order."""
    lasting_proxy.reset(moto_server)
    return lasting_proxy


@pytest.fixture(scope="session")
def lasting_faulty_s3(lasting_proxy):
    from app.jobs import bucket

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", lasting_proxy.address)
        return bucket.connect(max_attempts=1, timeout_s=10)


@pytest.fixture
def faulty_s3(proxy, lasting_faulty_s3, monkeypatch):
    """A client that goes through the proxy, and leaves repeating to us."""
    monkeypatch.setattr("app.jobs.bucket.PAUSE_S", 0.001)
    return lasting_faulty_s3


@pytest.fixture
def is_whole_in(toy_scorecard, tmp_path) -> "Callable[[Buckets, str, bytes], bool]":
    """One result of `content` is under `name`: `churn score` with that model makes of the same bytes."""
    from app.jobs import local
    from app.jobs.scoring import Scoring
    from model.bulk.source import FileLimits
    from model.outputs import OutputOptions

    def check(buckets: "Buckets", name: str, content: bytes) -> bool:
        folder = tmp_path / secrets.token_hex(4)
        local.score_file(io.BytesIO(content), name, folder, Scoring(toy_scorecard, OutputOptions(), FileLimits()))
        wanted = {file.name: file.read_bytes() for file in folder.iterdir()}
        result = buckets.results_of(name)
        counts, ours = json.loads(wanted.pop("summary.json")), json.loads(result.pop("summary.json"))
        return result == wanted and {**ours, "job": ""} == {**counts, "job": ""}

    return check
