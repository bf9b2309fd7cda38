"""What is in the images, and what is not."""

import json
import re
from pathlib import Path

import pytest
from image_runs import LARGEST_BYTES, note
from podman import (
    ROOT,
    podman,
    size,
)

from deploy.images import version

# The first of them bootstraps a base image and builds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
IMAGES = ["lambda_image", "spaces_image", "space_image"]


@pytest.fixture(params=IMAGES)
def image(request) -> str:
    return request.getfixturevalue(request.param)


def inside(image: str, script: str) -> str:
    return podman("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script)


def test_no_secret_is_in_an_image(image):
    variables = json.loads(podman("image", "inspect", image))[0]["Config"]["Env"]
    patterns = r"AKIA[A-Z0-9]{16}|hf_[A-Za-z0-9]{30}|PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}"
    code = "/srv/churn /var/task /opt/packages"

    listing = inside(image, f"grep -rIElE '{patterns}' {code} 2>/dev/null || true").split()

    # Python's own images name the key with which its releases are signed.
    assert not [
        variable for variable in variables if re.search("(?<!GPG_)key|token|secret|password", variable, re.IGNORECASE)
    ]
    # botocore and urllib3 name the line by which a private key begins, to find or to explain it.
    assert [name for name in listing if not name.startswith("/opt/packages/")] == []


def test_an_image_is_small(image):
    note(what="size", image=image, bytes=size(image))

    assert size(image) < LARGEST_BYTES


def test_an_image_has_its_version_revision_and_licence_as_labels(image):
    labels = json.loads(podman("image", "inspect", "--format", "{{json .Labels}}", image))

    values = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert values["version"] == version()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", values["revision"])
    assert values["licenses"] == "Apache-2.0"


def test_every_user_can_read_the_files_of_an_image(image):
    assert inside(image, "find /opt /srv /var/task ! -perm -o=r 2>/dev/null; find /opt /srv -type d ! -perm -o=x") == ""


def test_no_user_can_write_the_files_of_an_image(image):
    assert inside(image, "find /opt/packages /srv /var/task -perm /o=w ! -type l 2>/dev/null || :") == ""


def test_every_module_of_an_image_is_compiled(image):
    script = (
        "cd /; for f in $(find opt/packages srv var/task -name '*.py' 2>/dev/null); do"
        ' d=${f%/*}; b=${f##*/}; [ -e "$d/__pycache__/${b%.py}.cpython-313.pyc" ] || echo "$f"; done'
    )

    assert inside(image, script) == ""


def test_an_image_holds_what_serving_needs_and_no_more(image):
    listing = inside(image, "cd /srv/churn 2>/dev/null || cd /var/task; find . -type f").splitlines()
    packages = inside(image, "ls /opt/packages").splitlines()

    ours = {path for path in listing if "__pycache__" not in path and not path.startswith("./model/artifacts/")}
    assert {path.split("/")[1] for path in ours} <= {
        *("app", "handler.py", "model"),
    }
    assert {path for path in ours if path.endswith(".csv")} == set()
    assert {path for path in ours if path.endswith(".txt")} <= {path for path in ours if "/static/vendor/" in path}
    assert {Path(path).suffix for path in ours} - {".csv", ".txt"} <= {
        ".py",
        ".html",
        ".css",
        ".js",
        ".mjs",
        ".svg",
        ".json",
        ".png",
        ".ico",
        ".woff2",
    }
    assert not [path for path in listing if "/training/" in path or "/tests/" in path or path.endswith(".joblib")]
    assert {"pandas", "sklearn", "scipy", "joblib", "pytest", "moto"} & set(packages) == set()


@pytest.mark.parametrize("name", ["lambda_image", "spaces_image"])
def test_an_image_has_the_versions_that_are_pinned_for_development(name, request):
    listing = inside(request.getfixturevalue(name), "ls -d /opt/packages/*.dist-info")

    installed = {tuple(Path(path).stem.lower().replace("_", "-").rsplit("-", 1)) for path in listing.splitlines()}
    pinned = re.findall(
        r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements/development.txt").read_text(), re.MULTILINE
    )
    assert installed - {(wanted.replace(".", "-"), at) for wanted, at in pinned} - set(pinned) == set()
