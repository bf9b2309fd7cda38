"""The repository of a Space as it is made and published, and how the builders are called; nothing is built here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from deploy import images, space

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path) -> Path:
    space.make(tmp_path / "space")
    return tmp_path / "space"


def front_of(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_front_matter_is_read_as_it_was_meant(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")

    assert text.startswith("---\n")
    assert front_of(text) == dict(space.FRONT)
    assert front_of(text)["app_port"] == 7860


# The names and values that a Space accepts: hub-docs, "Spaces Configuration Reference", 2026-08.
TEXT, FLAG, TEXTS = (
    {"type": "string", "minLength": 1},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "string"}},
)
COLOUR = {"enum": ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]}
FRONT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "emoji", "colorFrom", "colorTo", "sdk", "app_port", "short_description", "license"],
    "properties": {
        "title": TEXT,
        "emoji": {"type": "string", "pattern": "^[^\\x00-\\u20ff]\\ufe0f?$"},
        "colorFrom": COLOUR,
        "colorTo": COLOUR,
        "sdk": {"const": "docker"},
        "app_port": {"const": int(re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile.spaces").read_text(), re.M)[1])},
        "short_description": {"type": "string", "minLength": 1, "maxLength": 60},
        "license": {"const": "apache-2.0"},
        **dict.fromkeys(("base_path", "header", "startup_duration_timeout", "suggested_hardware", "thumbnail"), TEXT),
        **dict.fromkeys(("disable_embedding", "fullWidth", "hf_oauth", "pinned"), FLAG),
        **dict.fromkeys(("datasets", "models", "preload_from_hub", "tags"), TEXTS),
        "custom_headers": {"type": "object"},
    },
}


def test_a_space_accepts_the_front_matter():
    jsonschema_rs.validate(FRONT, dict(space.FRONT))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"title": ...}, id="missing"),
        pytest.param({"colorfrom": "red"}, id="misspelt"),
        pytest.param({"colorTo": "orange"}, id="colour"),
        pytest.param({"sdk": "gradio"}, id="sdk"),
        pytest.param({"app_port": 8080}, id="port"),
        pytest.param({"app_port": "7860"}, id="port as text"),
        pytest.param({"short_description": "x" * 61}, id="long"),
        pytest.param({"emoji": "churn"}, id="word"),
        pytest.param({"tags": "churn"}, id="tags"),
        pytest.param({"pinned": "false"}, id="pinned"),
        pytest.param({"license": "mit"}, id="license"),
    ],
)
def test_front_matter_that_a_space_would_refuse_is_detected(change):
    front = {name: value for name, value in {**space.FRONT, **change}.items() if value is not ...}

    assert not jsonschema_rs.is_valid(FRONT, front)


def test_the_repository_holds_what_serves_and_nothing_else(folder):
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}

    assert {path.parts[0] for path in files} == {
        *(".dockerignore", "Dockerfile", "LICENSE", "README.md"),
        *("app", "deploy", "model", "requirements"),
    }
    assert {str(path) for path in files if path.parts[0] in {"deploy", "requirements"}} == {
        *("deploy/image.sh", "requirements/serving.txt", "requirements/pipeline.txt"),
    }
    assert not [path for path in files if "training" in path.parts or path.suffix in {".joblib", ".pyc"}]
    assert os.access(folder / "deploy" / "image.sh", os.X_OK)


def test_files_that_are_not_listed_are_not_published(tmp_path, monkeypatch):
    copy = tmp_path / "root"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "node_modules", "tests"), symlinks=True)
    shutil.copy(ROOT / ".dockerignore", copy)
    for name in ("app/.env", "app/key.pem", "model/customers.csv", "app/jobs/notes.md", ".env", "secrets.json"):
        (copy / name).write_text("HF_TOKEN=hf_secret")
    monkeypatch.setattr(space, "ROOT", copy)

    published = space.make(tmp_path / "space")

    assert [path for path in published if b"hf_secret" in path.read_bytes()] == []


def test_the_dockerfile_is_that_of_the_images_but_for_two_arguments(folder):
    ours, theirs = ((at).read_text().splitlines() for at in (ROOT / "Dockerfile.spaces", folder / "Dockerfile"))

    changed = [theirs for ours, theirs in zip(ours, theirs, strict=True) if ours != theirs]
    assert [line.split("=")[0] for line in changed] == ["ARG VERSION", "ARG REVISION"]
    assert f"ARG VERSION={images.version()}" in changed


def test_the_pipeline_is_published_where_it_is_requested(tmp_path):
    published = space.make(tmp_path / "space", "pipeline")

    assert "ARG ENGINE=pipeline\n" in (tmp_path / "space" / "Dockerfile").read_text()
    assert [path for path in published if path.suffix == ".joblib"]


@pytest.mark.parametrize("name", ["Dockerfile.lambda", "Dockerfile.spaces"])
def test_files_that_a_dockerfile_copies_are_not_ignored(name):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [words.split()[:-1] for words in re.findall(r"^COPY (?!--)(.*)$", (ROOT / name).read_text(), re.MULTILINE)]

    allowed = {line[1:] for line in ignored if line.startswith("!")}
    for path in (path for paths in copied for path in paths):
        assert path in allowed or path.split("/")[0] in allowed, path


@pytest.mark.parametrize("wanted", ["anna/my_churn", "anna/churn_"])
def test_an_underscore_in_the_name_is_refused_with_the_reason(wanted):
    with pytest.raises(
        space.SpaceError, match=r"underscores.* must have hyphens .*host name .*requests to the API fail"
    ):
        space.check_name(wanted)


@pytest.mark.parametrize(
    "wanted", ["", "churn", "anna/", "/churn", "anna/churn/x", "anna/-churn", "anna/a b", "anna/" + "x" * 95]
)
def test_an_impossible_name_is_refused(wanted):
    with pytest.raises(space.SpaceError, match="SPACE must be an owner and a name"):
        space.check_name(wanted)


class FakeHub:
    """As huggingface_hub.HfApi: refuses options that it does not have, and a Space that was not created."""

    def __init__(self) -> None:
        self.spaces: dict[str, dict[str, object]] = {}
        self.files: dict[str, set[str]] = {}

    def create_repo(
        self, repo_id: str, *, repo_type: str, space_sdk: str, private: bool | None = None, exist_ok: bool = False
    ) -> None:
        assert re.fullmatch(r"[\w.-]+/[\w.-]{1,96}", repo_id), repo_id
        assert (repo_type, space_sdk in {"docker", "gradio", "static", "streamlit"}) == ("space", True)
        assert exist_ok or repo_id not in self.spaces, "409: You already created this space repo"
        self.spaces.setdefault(repo_id, {"private": private, "sdk": space_sdk})
        self.files.setdefault(repo_id, {".gitattributes", "README.md", "left from before.txt"})

    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: str,
        repo_type: str,
        commit_message: str,
        delete_patterns: str | list[str] | None = None,
    ) -> None:
        assert repo_type == "space"
        assert repo_id in self.spaces, "404: Repository Not Found"
        assert commit_message.strip()
        uploaded = {str(path.relative_to(folder_path)) for path in Path(folder_path).rglob("*") if path.is_file()}
        front = front_of((Path(folder_path) / "README.md").read_text(encoding="utf-8"))
        assert front["sdk"] == self.spaces[repo_id]["sdk"], "400: Invalid metadata in README.md"
        # The hub itself keeps .gitattributes.
        deleted = self.files[repo_id] - {".gitattributes"} if delete_patterns == "*" else set()
        self.files[repo_id] = (self.files[repo_id] - deleted) | uploaded


def test_publishing_creates_the_space_and_replaces_its_files(folder, capsys):
    hub = FakeHub()

    for _ in range(2):
        space.publish("Anna/my-churn", private=False, hub=hub, folder=folder)

    assert hub.spaces == {"Anna/my-churn": {"private": None, "sdk": "docker"}}
    published = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert hub.files["Anna/my-churn"] == published | {".gitattributes"}
    assert "https://anna-my-churn.hf.space" in capsys.readouterr().out


def command(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"} | environ
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_dry_run_lists_each_file_and_needs_no_token():
    done = command("deploy.space", "--publish", "anna/my-churn", "--dry-run")

    assert done.returncode == 0, done.stderr
    for name in ("Dockerfile", "README.md", "app/wiring.py", "app/web/v1.py", "model/artifacts/DEFAULT"):
        assert f"\n  {name}\n" in done.stdout
    assert "would be deleted" in done.stdout
    assert "https://anna-my-churn.hf.space/v1/customer" in (ROOT / "build" / "space" / "README.md").read_text()


def test_without_a_token_the_error_names_the_page_that_creates_one():
    done = command("deploy.space", "--publish", "anna/my-churn")

    assert (done.returncode, done.stdout.count("Published")) == (2, 0)
    assert done.stderr.startswith("HF_TOKEN is not set.")


def test_a_refused_name_ends_with_2_before_anything_is_made(tmp_path):
    done = command("deploy.space", "--publish", "anna/my_churn")

    assert (done.returncode, done.stdout) == (2, "")
    assert "Use SPACE=anna/my-churn" in done.stderr


# How the builders are called.


def test_docker_builds_an_image_that_lambda_accepts():
    words = images.build_command("docker", "lambda", environ={})

    assert words[:6] == ["docker", "build", "--platform", "linux/amd64", "-f", "Dockerfile.lambda"]
    assert words[-1] == "."
    assert images.ENVIRONMENT == {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def test_podman_keeps_the_health_check_and_gets_the_certificates_of_the_machine():
    words = images.build_command(
        "podman", "spaces", environ={"SSL_CERT_FILE": "/a/bundle.crt"}, options=["--pull=never"]
    )

    assert words[words.index("--format") + 1] == "docker"
    assert words[words.index("--volume") + 1] == "/a/bundle.crt:/etc/ssl/certs/ca-certificates.crt:ro"
    assert "--volume" not in images.build_command("podman", "spaces", environ={})
    assert words[-2:] == ["--pull=never", "."]


def test_without_a_builder_the_error_names_it(tmp_path):
    done = command("deploy.images", PATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Neither docker nor podman answers here.")


def test_outside_of_git_the_revision_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert images.revision() == "unknown"


# The files themselves.


def test_the_dockerfiles_share_what_they_can_and_pass_the_linter():
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")

    done = subprocess.run(
        [hadolint, "Dockerfile.lambda", "Dockerfile.spaces", "deploy/Dockerfile.model"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_scripts_pass_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    scripts = [
        "deploy/image.sh",
        "deploy/licences.sh",
        "tests/containers/base-image",
        "tests/containers/emulator",
        ".ci/run",
        "requirements/compile.sh",
    ]

    done = subprocess.run(["shellcheck", *scripts], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_runs_what_a_host_should():
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["churn"]

    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["build"]["dockerfile"] == "Dockerfile.spaces"
    assert service["ports"] == ["127.0.0.1:${PORT:-7860}:7860"]
    assert json.dumps(service["healthcheck"]["test"]).count("/health") == 1


def test_the_substitute_of_the_base_image_is_that_of_the_dockerfiles():
    from podman import BASE

    for name in images.IMAGES.values():
        assert f"ARG BASE={BASE}\n" in (ROOT / name).read_text()
