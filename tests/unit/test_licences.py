"""Under which licences stands what is shipped, and whether each part of it is used."""

import ast
import re
import sys
from pathlib import Path

import pytest

from deploy import licences

ROOT = Path(__file__).parents[2]
STARTED = {"awslambdaric": "Dockerfile.lambda"}
"""What is started by name instead of being imported."""

MODULES = {"markdown-it-py": "markdown_it"}
"""What is imported under another name."""


@pytest.mark.skipif(sys.platform != "linux", reason="the packages of the images are all installed on Linux only")
def test_the_page_lists_what_the_images_hold_as_it_is_installed():
    assert licences.page() == licences.PAGE.read_text(encoding="utf-8"), "run: make licences"


@pytest.mark.skipif(sys.platform != "linux", reason="the packages of the images are all installed on Linux only")
def test_a_licence_that_nobody_has_looked_at_is_refused(monkeypatch):
    monkeypatch.setattr(licences, "ALLOWED", licences.ALLOWED - {"MPL-2.0"})

    with pytest.raises(licences.LicenceError, match="tqdm is under MPL-2"):
        licences.page()


@pytest.mark.parametrize("purpose", licences.LISTS)
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

    unused = {
        name for name in wanted if MODULES.get(name, name.replace("-", "_")) not in imported and name not in STARTED
    }
    assert unused == set()
    assert all(name in (ROOT / file).read_text() for name, file in STARTED.items())
