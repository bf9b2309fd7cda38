"""The licences of what is shipped, and whether each part of it is used."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = ("serving", "lambda")
STARTED = {"awslambdaric": "Dockerfile.lambda"}
"""What is started by name instead of being imported."""

MODULES = {"markdown-it-py": "markdown_it"}
"""What is imported under another name."""

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the packages of the images are all installed on Linux only"
)


@on_linux
def test_the_page_lists_what_the_images_contain_as_it_is_installed():
    command = [str(ROOT / "deploy" / "licences.sh"), str(Path(sys.executable).parent)]
    page = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert page == (ROOT / "docs" / "licences.md").read_text(encoding="utf-8"), "run: make licences"
    listed = {re.sub("_", "-", name).lower() for name in re.findall(r"^\| ([\w.-]+) ", page, re.MULTILINE)}
    for purpose in LISTS:
        lines = (ROOT / f"requirements/{purpose}.txt").read_text().splitlines()
        pinned = {line.split("==")[0] for line in lines if re.match("[a-z0-9-]+==", line) and "win32" not in line}
        assert pinned - listed == set()
    for folder in (ROOT / "app/web/static/vendor").iterdir():
        name, _, version = folder.name.rpartition("-")
        assert f"{name} {version} (" in page


@on_linux
@pytest.mark.parametrize("allowed", ["MIT", "BSD License"])
def test_a_licence_that_nobody_has_approved_is_refused(allowed):
    command = [str(Path(sys.executable).with_name("pip-licenses")), "--packages", "tqdm", "--allow-only", allowed]

    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert refused.returncode != 0
    assert "MPL-2.0" in refused.stderr
    assert "tqdm" in refused.stderr


@pytest.mark.parametrize("purpose", [*LISTS, "pipeline"])
def test_what_trains_models_is_in_no_image(purpose):
    pinned = (ROOT / f"requirements/{purpose}.txt").read_text()

    assert re.findall("^(?:interpret-core|matplotlib|lightgbm)==", pinned, re.MULTILINE) == []


@pytest.mark.parametrize("purpose", LISTS)
def test_every_library_that_is_shipped_is_used(purpose):
    wanted = re.findall(r"^[a-z][a-z0-9_-]+", (ROOT / f"requirements/{purpose}.in").read_text(), re.MULTILINE)
    sources = [
        *ROOT.glob("*.py"),
        *(path for top in ("app", "model") for path in ROOT.glob(f"{top}/**/*.py")),
    ]
    imported = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])

    modules = {name: MODULES.get(name, name.replace("-", "_")) for name in wanted if name not in STARTED}
    unused = {name for name, module in modules.items() if module not in imported}
    assert unused == set()
    assert all(name in (ROOT / file).read_text() for name, file in STARTED.items())
