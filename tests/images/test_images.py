"""Both images, and a Space's own repository, built and run for real, as their hosts run them.

They need podman and root; without, they are skipped, but under CI=true they fail. SOAK=true is what "make soak" sets.
"""

import gzip
import http.client
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from buckets import upload
from click.testing import CliRunner
from http_events import event, read
from load import Load
from podman import (
    BASE,
    LAMBDA_PATH,
    READ_ONLY,
    ROOT,
    Container,
    find_base,
    find_emulator,
    lacking,
    layers,
    pieces,
    podman,
    size,
)
from ports import free_port

from app.cli.__main__ import churn
from app.jobs.local import score_file
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from deploy.images import build_command, version
from deploy.space import make
from model import artifact, pipeline
from model.bulk.csv_writer import Options
from model.bulk.source import FileLimits
from model.pipeline import PipelineScorer
from model.schema import EXAMPLE

SOAK = os.environ.get("SOAK") == "true"
OBJECT_ROWS = 1_000_000 if SOAK else 200_000
UPLOAD_ROWS = 5_000_000 if SOAK else 200_000
LARGEST_BYTES = 300 * 10**6
UPLOAD_MEMORY = "256m"
MOST_BYTES = 250 * 10**6
"""Of one process; the budget of the bulk road."""

SAMPLE = (ROOT / "tests" / "data" / "sample.csv").read_bytes()
CUSTOMERS = [
    dict(EXAMPLE),
    {**EXAMPLE, "tenure": 72, "Contract": "Two year"},
    {**EXAMPLE, "tenure": 0, "TotalCharges": " "},
]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=frontier"}
TMP = ("--tmpfs", "/tmp:rw,size=512m,mode=1777")
# As Lambda runs it: a user of its own, one folder to write to, limits that are real.
ON_LAMBDA = (*READ_ONLY, *TMP, "--pids-limit", "64", "--user", "993:990")
AS_SPACE = (*READ_ONLY, *TMP, "--memory", "1g", "--env", "CPU_CORES=2")

# The first of them bootstraps a base image and builds.
pytestmark = pytest.mark.timeout(1800)


def form_of(content: bytes) -> bytes:
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="customers.csv"\r\n\r\n'
    return head + content + b"\r\n--frontier--\r\n"


def note(**figures: object) -> None:
    """Keep what was measured, for the pages that quote it."""
    folder = ROOT / "build" / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **figures}
    with (folder / "images.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


# What is built once.


@pytest.fixture(scope="session")
def base() -> str:
    """The image that all others stand on."""
    if why := lacking() or find_base():
        assert os.environ.get("CI") != "true", f"{why}; .ci/run installs podman, and wants root"
        pytest.skip(why)
    return BASE


def build(name: str, tag: str, context: Path = ROOT, engine: str = "scorecard") -> str:
    # From the root, a builder that is told "." reads .dockerignore there.
    local = "." if context == ROOT else context
    command = build_command(
        "podman", name, tag=tag, engine=engine, context=local, options=["--pull=never", "--network", "host"]
    )
    podman(*command[1:])
    return tag


@pytest.fixture(scope="session")
def lambda_image(base) -> str:
    return build("lambda", "localhost/churn-test-lambda")


@pytest.fixture(scope="session")
def spaces_image(base) -> str:
    return build("spaces", "localhost/churn-test-spaces")


@pytest.fixture(scope="session")
def pipeline_image(base) -> str:
    return build("lambda", "localhost/churn-test-pipeline", engine="pipeline")


@pytest.fixture(scope="session")
def pipeline_space_image(base) -> str:
    return build("spaces", "localhost/churn-test-pipeline-spaces", engine="pipeline")


@pytest.fixture(scope="session")
def space_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "repository"
    make(folder)
    return folder


@pytest.fixture(scope="session")
def space_image(base, space_folder) -> str:
    """The image that a Space makes of the repository that "make space" makes."""
    return build("spaces", "localhost/churn-test-space", space_folder)


@pytest.fixture(scope="session")
def emulator(base) -> Path:
    return find_emulator()


@pytest.fixture(scope="session")
def start_lambda(lambda_image, emulator) -> Callable[..., Container]:
    """Start the image behind the emulator; `inner` are options of the emulator."""

    def start(
        *options: str,
        image: str = lambda_image,
        memory_mb: int = 512,
        inner: tuple[str, ...] = (),
        port: int = 8080,
    ) -> Container:
        told = {
            "AWS_LAMBDA_FUNCTION_NAME": "churn-test",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": 300,
        }
        environment = [word for name, value in told.items() for word in ("--env", f"{name}={value}")]
        mounts = ("--volume", f"{emulator}:/rie:ro", "--entrypoint", "/rie")
        command = (*inner, "python", "-m", "awslambdaric", "handler.handler")
        limit = ("--memory", f"{memory_mb}m")
        return Container(image, (*ON_LAMBDA, *limit, *environment, *mounts, *options), command, port).wait("/")

    return start


@pytest.fixture(scope="module")
def function(start_lambda) -> Iterator[Container]:
    with start_lambda() as container:
        yield container


@pytest.fixture(scope="module")
def space(spaces_image) -> Iterator[Container]:
    with Container(spaces_image, AS_SPACE).wait() as container:
        yield container


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Container]:
    """What `make run` serves, without a container."""
    served = object.__new__(Container)
    served.port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHURN_")}
    words = [sys.executable, str(ROOT / "app/cli"), "serve", "--port", str(served.port)]
    with (tmp_path_factory.mktemp("served") / "log").open("wb") as log:
        process = subprocess.Popen(words, env={**environ, "CPU_CORES": "1"}, stdout=log, stderr=log)
    try:
        subprocess.run([*words[:2], "ask", "--port", words[-1], "--wait", "60"], check=True, capture_output=True)
        yield served
    finally:
        process.terminate()
        process.wait(30)


# What is in them.

IMAGES = ["lambda_image", "spaces_image", "space_image"]


@pytest.fixture(params=IMAGES)
def image(request) -> str:
    return request.getfixturevalue(request.param)


def inside(image: str, script: str) -> str:
    return podman("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script)


def test_no_secret_is_in_an_image(image):
    told = json.loads(podman("image", "inspect", image))[0]["Config"]["Env"]
    shapes = r"AKIA[A-Z0-9]{16}|hf_[A-Za-z0-9]{30}|PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}"
    code = "/srv/churn /var/task /opt/packages"

    found = inside(image, f"grep -rIElE '{shapes}' {code} 2>/dev/null || true").split()

    # Python's own images say under which key its releases are signed.
    assert not [each for each in told if re.search("(?<!GPG_)key|token|secret|password", each, re.IGNORECASE)]
    # botocore and urllib3 name the line by which a private key begins, to find or to explain it.
    assert [name for name in found if not name.startswith("/opt/packages/")] == []


def test_an_image_is_small(image):
    note(what="size", image=image, bytes=size(image))

    assert size(image) < LARGEST_BYTES


def test_an_image_says_what_it_is(image):
    labels = json.loads(podman("image", "inspect", "--format", "{{json .Labels}}", image))

    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert told["version"] == version()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", told["revision"])
    assert told["licenses"] == "Apache-2.0"


def test_every_user_can_read_what_an_image_brings(image):
    assert inside(image, "find /opt /srv /var/task ! -perm -o=r 2>/dev/null; find /opt /srv -type d ! -perm -o=x") == ""


def test_no_user_can_write_what_an_image_brings(image):
    assert inside(image, "find /opt/packages /srv /var/task -perm /o=w ! -type l 2>/dev/null || :") == ""


def test_all_of_an_image_is_compiled(image):
    script = (
        "cd /; for f in $(find opt/packages srv var/task -name '*.py' 2>/dev/null); do"
        ' d=${f%/*}; b=${f##*/}; [ -e "$d/__pycache__/${b%.py}.cpython-313.pyc" ] || echo "$f"; done'
    )

    assert inside(image, script) == ""


def test_an_image_holds_what_serves_and_no_more(image):
    found = inside(image, "cd /srv/churn 2>/dev/null || cd /var/task; find . -type f").splitlines()
    packages = inside(image, "ls /opt/packages").splitlines()

    ours = {path for path in found if "__pycache__" not in path and not path.startswith("./model/artifacts/")}
    assert {path.split("/")[1] for path in ours} <= {
        *("app", "handler.py", "model"),
    }
    assert {path for path in ours if path.endswith(".csv")} == {"./model/actions.csv"}
    assert {path for path in ours if path.endswith(".txt")} <= {path for path in ours if "/static/vendor/" in path}
    assert {Path(path).suffix for path in ours} - {".csv", ".txt"} <= {
        ".py",
        ".html",
        ".css",
        ".js",
        ".svg",
        ".json",
        ".png",
        ".ico",
        ".woff2",
    }
    assert not [path for path in found if "/training/" in path or "/tests/" in path or path.endswith(".joblib")]
    assert {"pandas", "sklearn", "scipy", "joblib", "pytest", "moto"} & set(packages) == set()


@pytest.mark.parametrize("name", ["lambda_image", "spaces_image"])
def test_the_pins_of_an_image_are_those_of_the_development(name, request):
    found = inside(request.getfixturevalue(name), "ls -d /opt/packages/*.dist-info")

    installed = {tuple(Path(path).stem.lower().replace("_", "-").rsplit("-", 1)) for path in found.splitlines()}
    pinned = re.findall(
        r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements/development.txt").read_text(), re.MULTILINE
    )
    assert installed - {(wanted.replace(".", "-"), at) for wanted, at in pinned} - set(pinned) == set()


def test_a_promoted_model_is_one_layer_and_the_others_stay(space_folder, space_image, tmp_path):
    changed = tmp_path / "repository"
    shutil.copytree(space_folder, changed)
    # As "churn promote" does: another version beside the old one, and its name in DEFAULT.
    artifacts = changed / "model" / "artifacts"
    other = artifacts / "9.9.9"
    shutil.copytree(artifacts / artifact.default_version(), other)
    card = json.loads((other / "scorecard.json").read_text())
    (other / "scorecard.json").write_text(json.dumps({**card, "version": "9.9.9"}))
    sums = (other / "SHA256SUMS").read_text()
    found = subprocess.run(
        ["sha256sum", "scorecard.json"], cwd=other, capture_output=True, text=True, check=True
    ).stdout
    (other / "SHA256SUMS").write_text(re.sub(r"^.* scorecard\.json$", found.strip(), sums, flags=re.MULTILINE))
    (artifacts / "DEFAULT").write_text("9.9.9\n")

    promoted = build("spaces", "localhost/churn-test-promoted", changed)

    assert layers(promoted)[:-1] == layers(space_image)[:-1]
    assert layers(promoted)[-1] != layers(space_image)[-1]
    with Container(promoted, AS_SPACE).wait() as container:
        assert json.loads(container.ask("GET", "/health")[2])["model_version"] == "9.9.9"


@pytest.fixture(scope="module")
def other_models(two_versions, tmp_path_factory) -> Path:
    folder = shutil.copytree(two_versions, tmp_path_factory.mktemp("other") / "models")
    (folder / "DEFAULT").write_text("1.1.0\n")
    return folder


def test_a_version_is_shipped_on_top_of_an_image_without_its_code(spaces_image, lambda_image, other_models):
    for image in (spaces_image, lambda_image):
        tag = f"{image}:other"
        words = ("--file", ROOT / "deploy" / "Dockerfile.model", "--build-arg", f"IMAGE={image}", "--tag", tag)
        podman("build", "--pull=never", "--quiet", *words, other_models)

        assert layers(tag)[:-1] == layers(image)
    with Container(f"{spaces_image}:other", AS_SPACE).wait() as container:
        status, headers, _ = container.ask("POST", "/v1/customer", json.dumps(dict(EXAMPLE)).encode(), JSON)
        assert (status, headers["x-model-version"]) == (200, "1.1.0")


def test_a_mounted_folder_of_versions_is_served_and_may_be_read_only(spaces_image, other_models):
    mounted = ("--volume", f"{other_models}:/models:ro", "--env", "CHURN_MODELS=/models")

    with Container(spaces_image, (*AS_SPACE, *mounted)).wait() as container:
        assert json.loads(container.ask("GET", "/health")[2])["model_version"] == "1.1.0"


# The Lambda image.


@pytest.mark.parametrize("edge", ["http_rest_v1", "http_api_v2", "http_function_url", "http_alb"])
def test_the_function_answers_every_edge(function, edge):
    made = event(
        edge, "/v1/customer", body=json.dumps(dict(EXAMPLE)).encode(), headers={"content-type": "application/json"}
    )

    answer = read(edge, function.invoke(made))

    assert (answer.status, answer.json) == (200, {"Prediction": "churn"})


def test_the_function_answers_a_customer_as_the_event(function):
    assert function.invoke(dict(EXAMPLE)) == {"Prediction": "churn"}


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_the_function_answers_a_form_in_base64_as_the_server_does(function, served, accept):
    headers = {**FORM, "Accept": accept}
    made = event("http_api_v2", "/v1/customerbatch", body=form_of(SAMPLE), headers=headers, as_base64=True)

    answer = read("http_api_v2", function.invoke(made))

    assert answer.status == 200
    assert answer.body == served.ask("POST", "/v1/customerbatch", form_of(SAMPLE), headers)[2]


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_the_function_answers_a_customer_as_the_server_does(function, served, customer):
    body = json.dumps(customer).encode()

    answer = read("http_rest_v1", function.invoke(event("http_rest_v1", body=body, headers=JSON)))

    assert answer.status == 200
    assert answer.body == served.ask("POST", "/v1/customer", body, JSON)[2]


def test_an_answer_that_lambda_would_refuse_is_a_problem_and_no_502(function):
    packed = gzip.compress(b"".join(pieces(400_000)), 1)
    made = event("http_api_v2", "/v1/customerbatch", body=form_of(packed), headers=FORM, as_base64=True)

    answer = read("http_api_v2", function.invoke(made))

    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json["code"] in {"answer_too_large", "file_too_large", "too_large"}


def test_the_function_runs_as_lambda_runs_it(function):
    told = podman(
        "exec", function.name, "sh", "-c", "id -u; touch /var/task/x /opt/x 2>&1; touch /tmp/x && echo written"
    )

    assert told.splitlines()[0] == "993"
    assert told.count("Read-only file system") == 2
    assert told.endswith("written")


def test_a_damaged_model_stops_the_start_with_its_reason(start_lambda, tmp_path):
    place = f"model/artifacts/{artifact.default_version()}/scorecard.json"
    damaged = tmp_path / "scorecard.json"
    damaged.write_bytes((ROOT / place).read_bytes().replace(b'"intercept": -', b'"intercept": +', 1)[:-1] + b" ")
    damaged.chmod(0o644)

    with start_lambda("--volume", f"{damaged}:/var/task/{place}:ro") as container:
        status, _, body = container.ask("POST", LAMBDA_PATH, json.dumps(dict(EXAMPLE)).encode())
        told = container.logs()

    assert b"Prediction" not in body, status
    assert "scorecard.json has sha256" in told
    assert "It was changed or damaged." in told


def test_the_image_for_the_pipeline_scores_with_it(pipeline_image):
    code = (
        "import handler, json; from app.aws import functions; from model.schema import EXAMPLE\n"
        "print(type(functions._SCORER).__name__, json.dumps(handler.handler(dict(EXAMPLE))))"
    )

    said = podman(
        "run", "--rm", *READ_ONLY, *TMP, "--user", "993:990", "--entrypoint", "python", pipeline_image, "-c", code
    )

    assert said.splitlines()[-1] == 'PipelineScorer {"Prediction": "churn"}'
    assert size(pipeline_image) > 1.5 * LARGEST_BYTES, "is anything of it missing?"


@pytest.fixture
def start_bucket_function(start_lambda, moto_server, bucket) -> Callable[..., Container]:
    """Start the function on the machine's own network, where the S3 of the tests is."""
    port, inner = free_port(), free_port()
    told = {
        "AWS_ENDPOINT_URL": moto_server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "CHURN_INBOX_BUCKET": bucket.inbox,
        "CHURN_RESULTS_BUCKET": bucket.results,
    }
    environment = [word for name, value in told.items() for word in ("--env", f"{name}={value}")]
    addresses = (
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{inner}",
    )

    def start(*options: str, **more: Any) -> Container:
        return start_lambda("--network", "host", *environment, *options, inner=addresses, port=port, **more)

    return start


@pytest.fixture
def bucket_function(start_bucket_function) -> Iterator[Container]:
    with start_bucket_function() as container:
        yield container


def test_the_function_scores_what_was_dropped_into_the_bucket(bucket_function, bucket, tmp_path):
    made = bucket.drop("customers.csv", SAMPLE)

    answer = bucket_function.invoke(made)

    assert not answer or "errorMessage" not in answer, answer
    found = bucket.results_of("customers.csv")
    (tmp_path / "customers.csv").write_bytes(SAMPLE)
    words = [sys.executable, str(ROOT / "app/cli"), "score", "customers.csv", "-o", "out"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert set(found) == {"predictions.csv", "rejects.csv", "summary.json"}
    assert found["predictions.csv"] == (tmp_path / "out" / "predictions.csv").read_bytes()


@pytest.mark.soak
def test_the_function_lets_uploads_in_and_tells_of_their_jobs(bucket_function, bucket):
    job = upload(bucket_function.invoke, bucket, gzip.compress(SAMPLE))

    assert job["status"] == "done"
    assert sorted(job["files"]) == ["predictions.csv", "rejects.csv", "summary.json"]


def test_a_large_object_is_scored_within_the_memory_of_the_function(bucket_function, bucket):
    made = bucket.drop("many.csv", b"".join(pieces(OBJECT_ROWS)))

    started = time.monotonic()
    answer = bucket_function.invoke(made)
    seconds = time.monotonic() - started

    assert not answer or "errorMessage" not in answer, answer
    found = bucket.results_of("many.csv")
    summary = json.loads(found["summary.json"])
    assert (summary["rows_in"], summary["rows_scored"]) == (OBJECT_ROWS, OBJECT_ROWS)
    assert found["predictions.csv"].count(b"\n") == OBJECT_ROWS + 1
    peak, kills, most = bucket_function.memory()
    note(
        what="an object through the function",
        rows=OBJECT_ROWS,
        seconds=round(seconds, 1),
        process_mb=round(most / 1e6),
        peak_mb=round(peak / 1e6),
    )
    assert kills == 0
    assert most < MOST_BYTES
    assert peak <= 512 * 1024**2


# A model that is not additive, from the images for the pipeline.


@pytest.fixture(scope="module")
def boosting(boosted_models, tmp_path_factory) -> PipelineScorer:
    """Boosted trees, promoted over the version that was served; its folder's parent holds both."""
    root = shutil.copytree(boosted_models, tmp_path_factory.mktemp("promoted") / "models")
    former = artifact.default_version()
    shutil.copytree(artifact.ARTIFACTS / former, root / former)
    (root / "DEFAULT").write_text(f"{former}\n")
    done = CliRunner().invoke(churn, ["promote", "2.0.0", "--models", str(root)])
    assert done.exit_code == 0, done.output
    return pipeline.load(root=root)


def mounted(scorer: PipelineScorer) -> tuple[str, ...]:
    return ("--volume", f"{scorer.folder.parent}:/models:ro", "--env", "CHURN_MODELS=/models")


def nearly(text: bytes) -> Any:
    """Read JSON; two versions of Python have two of shap, which need not add in the same order."""
    return json.loads(text, parse_float=lambda figure: round(float(figure), 9))


def test_a_promoted_model_of_trees_answers_over_http_as_in_this_process(pipeline_space_image, boosting):
    client = create_app(boosting, Settings()).test_client()

    with Container(pipeline_space_image, (*AS_SPACE, "--env", "CPU_CORES=1", *mounted(boosting))).wait() as container:
        for customer in CUSTOMERS:
            body = json.dumps(customer).encode()
            for path in ("/v1/customer", "/v2/customers?reasons=all"):
                status, headers, answer = container.ask("POST", path, body, JSON)

                assert (status, headers["x-model-version"]) == (200, "2.0.0")
                assert nearly(answer) == nearly(client.post(path, data=body, headers=JSON).data)
        told = json.loads(answer)
        _, _, process_bytes = container.memory()

    assert (told["model_version"], told["reasons_method"]) == ("2.0.0", "tree_shap")
    note(what="boosted trees in the Space", image_bytes=size(pipeline_space_image), process_mb=process_bytes // 10**6)


def test_a_promoted_model_of_trees_scores_what_was_dropped_into_the_bucket(
    pipeline_image, start_bucket_function, boosting, bucket, tmp_path
):
    with start_bucket_function(*mounted(boosting), image=pipeline_image, memory_mb=1024) as container:
        answer = container.invoke(bucket.drop("customers.csv", SAMPLE))
        _, kills, process_bytes = container.memory()

    assert not answer or "errorMessage" not in answer, answer
    found = bucket.results_of("customers.csv")
    score_file(
        io.BytesIO(SAMPLE),
        "customers.csv",
        tmp_path,
        Scoring(boosting, Options(Settings().value_at_risk), FileLimits()),
    )
    assert found["predictions.csv"] == (tmp_path / "predictions.csv").read_bytes()
    assert json.loads(found["summary.json"])["model_version"] == "2.0.0"
    assert kills == 0
    note(what="boosted trees on Lambda", image_bytes=size(pipeline_image), process_mb=process_bytes // 10**6)


# The image of a Space, and of any other host.


def test_a_space_is_answered_at_its_root_before_it_is_called_ready(space):
    status, headers, body = space.ask("GET", "/")
    head_status, _, head_body = space.ask("HEAD", "/")

    assert (status, head_status, head_body) == (200, 200, b"")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["model_version"] == artifact.default_version()


def test_its_own_check_finds_it_healthy(space):
    assert json.loads(podman("image", "inspect", "--format", "{{json .HealthCheck}}", space.inspect(".Image")))[
        "Interval"
    ]
    podman("healthcheck", "run", space.name)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_space_answers_a_customer_as_the_server_does(space, served, customer):
    body = json.dumps(customer).encode()

    assert space.ask("POST", "/v1/customer", body, JSON)[2] == served.ask("POST", "/v1/customer", body, JSON)[2]


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_a_space_answers_a_file_as_the_server_does(space, served, accept):
    asked = ("POST", "/v1/customerbatch", form_of(SAMPLE), {**FORM, "Accept": accept})

    status, _, body = space.ask(*asked)

    assert status == 200
    assert body == served.ask(*asked)[2]


def test_the_repository_of_a_space_answers_too(space_image):
    with Container(space_image, AS_SPACE).wait() as container:
        answer = container.ask("POST", "/v1/customer", json.dumps(dict(EXAMPLE)).encode(), JSON)

    assert (answer[0], json.loads(answer[2])) == (200, {"Prediction": "churn"})


def test_a_space_has_a_process_for_each_of_its_cores(space):
    running = podman("exec", space.name, "sh", "-c", "cat /proc/[0-9]*/comm").split()

    # The one that started them, and one for each of CPU_CORES=2.
    assert len([name for name in running if name.startswith(("python", "churn", "gunicorn"))]) == 3


def test_any_user_can_run_a_space(spaces_image):
    user = 10_000 + secrets.randbelow(50_000)

    with Container(spaces_image, (*AS_SPACE, "--user", f"{user}:{user}")).wait() as container:
        assert podman("exec", container.name, "id", "-u") == str(user)
        assert container.ask("POST", "/v1/customerbatch", form_of(SAMPLE), FORM)[0] == 200
        assert "Traceback" not in container.logs()


def test_a_stop_lets_the_requests_in_flight_finish(spaces_image):
    body = form_of(SAMPLE)
    half = len(body) // 2
    with Container(spaces_image, AS_SPACE).wait() as container, closing(container.connect()) as connection:
        connection.putrequest("POST", "/v1/customerbatch")
        for name, value in {**FORM, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:half])
        time.sleep(0.5)
        podman("kill", "--signal", "TERM", container.name)
        time.sleep(1)

        connection.send(body[half:])
        answer = connection.getresponse()

        assert (answer.status, len(json.loads(answer.read()))) == (200, 120)
        assert podman("wait", container.name, timeout=60) == "0"


@pytest.mark.soak
def test_a_space_under_load_answers_rightly(space):
    load = Load().run(space.port, 64, 60 if SOAK else 10)

    peak, kills, most = space.memory()
    note(
        what="64 connections at the Space", told=load.figures(), peak_mb=round(peak / 1e6), process_mb=round(most / 1e6)
    )
    assert (load.wrong, load.broken, kills) == ([], {}, 0)
    assert set(load.statuses) == {200, 400, 404, 422}
    assert most < MOST_BYTES


def test_a_space_without_room_says_so_and_goes_on(spaces_image):
    options = (*READ_ONLY, "--tmpfs", "/tmp:rw,size=8m,mode=1777", "--env", "CPU_CORES=1")
    with Container(spaces_image, options).wait() as container:
        told = [
            container.ask("POST", "/v1/customerbatch", form_of(b"".join(pieces(rows))), FORM) for rows in (200_000, 100)
        ]
        written = podman("exec", container.name, "sh", "-c", "find /tmp -type f ! -path '/tmp/churn-metrics-*'")

    assert [status for status, _, _ in told] == [507, 200]
    assert json.loads(told[0][2])["code"] == "no_room"
    assert written == ""


def test_a_space_without_a_place_to_write_does_not_start_and_says_why(spaces_image):
    with Container(spaces_image, READ_ONLY) as container:
        assert podman("wait", container.name, timeout=60) == "1"
        told = container.logs()

    assert "/tmp" in told
    assert "Traceback" not in told


def test_a_process_that_is_out_of_memory_is_replaced(spaces_image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the runtime leaves a file where it was started
    # Enough for customers, and too little for what scores files.
    tmp_path.chmod(0o777)
    options = (*READ_ONLY, "--volume", f"{tmp_path}:/tmp", "--memory", "80m", "--env", "CPU_CORES=1")
    with Container(spaces_image, options).wait() as container:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            container.ask("POST", "/v1/customerbatch", form_of(b"".join(pieces(200_000))), FORM)

        container.wait()
        body = json.dumps(dict(EXAMPLE)).encode()
        assert container.ask("POST", "/v1/customer", body, JSON)[2] == b'{"Prediction": "churn"}'
        assert container.memory()[1] > 0, "nothing was killed"


def test_the_commands_can_be_run_from_the_image(spaces_image):
    said = podman("run", "--rm", *READ_ONLY, *TMP, spaces_image, "schema")

    assert json.loads(said)["properties"].keys() >= EXAMPLE.keys()


@pytest.mark.soak
def test_a_large_upload_takes_bounded_memory(spaces_image, tmp_path):
    # A tmpfs counts as memory, so that a large file wants a disk there.
    tmp_path.chmod(0o777)
    options = (*READ_ONLY, "--volume", f"{tmp_path}:/tmp", "--memory", UPLOAD_MEMORY, "--env", "CPU_CORES=1")
    head, tail = form_of(b"|").split(b"|")
    length = sum(map(len, pieces(UPLOAD_ROWS))) + len(head) + len(tail)
    with Container(spaces_image, options).wait() as container, closing(container.connect(timeout=900)) as connection:
        connection.putrequest("POST", "/v1/customerbatch")
        for name, value in {**FORM, "Accept": "text/csv", "Content-Length": str(length)}.items():
            connection.putheader(name, value)
        started = time.monotonic()
        connection.endheaders(head)
        for piece in pieces(UPLOAD_ROWS):
            connection.send(piece)
        connection.send(tail)
        answer = connection.getresponse()
        lines = sum(piece.count(b"\n") for piece in iter(lambda: answer.read(1 << 20), b""))
        seconds = time.monotonic() - started
        peak, kills, most = container.memory()

    note(
        what="an upload to the Space",
        rows=UPLOAD_ROWS,
        mb=round(length / 1e6),
        seconds=round(seconds, 1),
        process_mb=round(most / 1e6),
        peak_mb=round(peak / 1e6),
    )
    assert (answer.status, lines) == (200, UPLOAD_ROWS + 1)
    assert kills == 0
    assert most < MOST_BYTES
