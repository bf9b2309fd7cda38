"""Models in and on the images: promoted, shipped on top, mounted, and not additive."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from image_runs import AS_SPACE, CUSTOMERS, JSON, LARGEST_BYTES, SAMPLE, TMP, build, note
from podman import (
    READ_ONLY,
    ROOT,
    Container,
    layers,
    podman,
    size,
)
from shipped import EXAMPLE

from app.cli.__main__ import churn
from app.jobs.local import score_file
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from model import artifact
from model.bulk.source import FileLimits
from model.engine import load_scorer
from model.scorecard import Scorer

# The first of them bootstraps a base image and builds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_promoted_model_is_one_layer_and_the_others_stay(space_folder, space_image, tmp_path):
    changed = tmp_path / "repository"
    shutil.copytree(space_folder, changed)
    # As "churn promote" does: another version next to the old one, and its name in DEFAULT.
    artifacts = changed / "model" / "artifacts"
    other = artifacts / "9.9.9"
    shutil.copytree(artifacts / artifact.default_version(), other)
    card = json.loads((other / "scorecard.json").read_text())
    (other / "scorecard.json").write_text(json.dumps({**card, "version": "9.9.9"}))
    sums = (other / "SHA256SUMS").read_text()
    checksum = subprocess.run(
        ["sha256sum", "scorecard.json"], cwd=other, capture_output=True, text=True, check=True
    ).stdout
    (other / "SHA256SUMS").write_text(re.sub(r"^.* scorecard\.json$", checksum.strip(), sums, flags=re.MULTILINE))
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


def test_the_image_for_the_pipeline_scores_with_it(pipeline_image):
    code = (
        "import handler, json; from app.aws import functions; from model.artifact import first_schema\n"
        "print(type(functions._SCORER).__name__, json.dumps(handler.handler(dict(first_schema().example))))"
    )

    output = podman(
        "run", "--rm", *READ_ONLY, *TMP, "--user", "993:990", "--entrypoint", "python", pipeline_image, "-c", code
    )

    assert output.splitlines()[-1] == 'PipelineScorer {"Prediction": "churn"}'
    assert size(pipeline_image) > 1.5 * LARGEST_BYTES, "is anything of it missing?"


@pytest.fixture(scope="module")
def boosting(boosted_models, tmp_path_factory) -> Scorer:
    """Boosted trees, promoted over the version that was served; its folder's parent holds both."""
    root = shutil.copytree(boosted_models, tmp_path_factory.mktemp("promoted") / "models")
    former = artifact.default_version()
    shutil.copytree(artifact.ARTIFACTS / former, root / former)
    (root / "DEFAULT").write_text(f"{former}\n")
    done = CliRunner().invoke(churn, ["promote", "2.0.0", "--models", str(root)])
    assert done.exit_code == 0, done.output
    return load_scorer(engine="pipeline", models=str(root))


def mounted(scorer: Scorer) -> tuple[str, ...]:
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
        scored = json.loads(answer)
        _, _, process_bytes = container.memory()

    assert (scored["model_version"], scored["reasons_method"]) == ("2.0.0", "tree_shap")
    note(what="boosted trees in the Space", image_bytes=size(pipeline_space_image), process_mb=process_bytes // 10**6)


def test_a_promoted_model_of_trees_scores_a_file_of_the_bucket(
    pipeline_image, start_bucket_function, boosting, bucket, tmp_path
):
    with start_bucket_function(*mounted(boosting), image=pipeline_image, memory_mb=1024) as container:
        answer = container.invoke(bucket.put("customers.csv", SAMPLE))
        _, kills, process_bytes = container.memory()

    assert not answer or "errorMessage" not in answer, answer
    results = bucket.results_of("customers.csv")
    score_file(
        io.BytesIO(SAMPLE),
        "customers.csv",
        tmp_path,
        Scoring(boosting, Settings().outputs(), FileLimits()),
    )
    assert results["predictions.csv"] == (tmp_path / "predictions.csv").read_bytes()
    assert json.loads(results["summary.json"])["model_version"] == "2.0.0"
    assert kills == 0
    note(what="boosted trees on Lambda", image_bytes=size(pipeline_image), process_mb=process_bytes // 10**6)
