"""Fixtures that the tests of images and of serverless.yml share."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudformation import (
    OSLS,
    ROOT,
    Template,
    compiled,
    package,
)
from image_runs import AS_SPACE, ON_LAMBDA, build
from podman import (
    BASE,
    Container,
    find_base,
    find_emulator,
    lacking,
)
from ports import free_port

from deploy.space import make


@pytest.fixture(scope="session")
def source() -> str:
    """The text of serverless.yml, where osls is there to read it."""
    if not OSLS.exists():
        pytest.skip("osls is not installed; npm ci installs it")
    return (ROOT / "serverless.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def template_file(source, tmp_path_factory) -> Path:
    """The template, made without an account or a network."""
    folder = tmp_path_factory.mktemp("serverless")
    done = package(source, folder)
    assert done.returncode == 0, done.stdout
    return compiled(folder)


@pytest.fixture(scope="session")
def template(template_file) -> Template:
    return json.loads(template_file.read_text())


@pytest.fixture(scope="session")
def base() -> str:
    """The base of all images."""
    if why := lacking() or find_base():
        pytest.skip(why)
    return BASE


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
        variables = {
            "AWS_LAMBDA_FUNCTION_NAME": "churn-test",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": 300,
        }
        environment = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        mounts = ("--volume", f"{emulator}:/rie:ro", "--entrypoint", "/rie")
        command = (*inner, "python", "-m", "awslambdaric", "handler.handler")
        limit = ("--memory", f"{memory_mb}m")
        return Container(image, (*ON_LAMBDA, *limit, *environment, *mounts, *options), command, port).wait("/")

    return start


@pytest.fixture(scope="session")
def function(start_lambda) -> Iterator[Container]:
    with start_lambda() as container:
        yield container


@pytest.fixture(scope="session")
def space(spaces_image) -> Iterator[Container]:
    with Container(spaces_image, AS_SPACE).wait() as container:
        yield container


@pytest.fixture(scope="session")
def local_server(tmp_path_factory) -> Iterator[Container]:
    """What `make run` serves, without a container."""
    server = object.__new__(Container)
    server.port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHURN_")}
    words = [sys.executable, str(ROOT / "app/cli"), "serve", "--port", str(server.port)]
    with (tmp_path_factory.mktemp("server") / "log").open("wb") as log:
        process = subprocess.Popen(words, env={**environ, "CPU_CORES": "1"}, stdout=log, stderr=log)
    try:
        subprocess.run([*words[:2], "ask", "--port", words[-1], "--wait", "60"], check=True, capture_output=True)
        yield server
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def start_bucket_function(start_lambda, moto_server, bucket) -> Callable[..., Container]:
    """Start the function on the machine's own network, where the S3 of the tests is."""
    port, inner = free_port(), free_port()
    variables = {
        "AWS_ENDPOINT_URL": moto_server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "CHURN_INBOX_BUCKET": bucket.inbox,
        "CHURN_RESULTS_BUCKET": bucket.results,
    }
    environment = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
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
