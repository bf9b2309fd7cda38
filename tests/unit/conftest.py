"""Fixtures of the unit tests."""

import shutil
from pathlib import Path

import pytest

from model import artifact


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of the stored default model, to be damaged."""
    version = artifact.default_version()
    shutil.copytree(artifact.ARTIFACTS / version, tmp_path / version)
    (tmp_path / "DEFAULT").write_text(version + "\n")
    return tmp_path
