"""The bounds of what serves: a library whose internals the code uses is checked against the releases that have them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
INTERNALS = {
    "waitress": "app/server.py extends its parser of requests",
    "flask": "app/web/request_body.py replaces a private method of Werkzeug's request, which Flask brings",
    "prometheus-client": "app/web/metrics.py knows how it names its files",
    "serverless-wsgi": "app/aws/gateway.py adds to its list of text types",
}


def declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    result = [Requirement(dependency) for dependency in project["dependencies"]]
    return {re.sub("_", "-", item.name).lower(): item for item in result}


def wanted(file: str) -> dict[str, Requirement]:
    lines = [line for line in (ROOT / "requirements" / file).read_text().splitlines() if re.match(r"[a-z]", line)]
    return {re.sub("_", "-", item.name).lower(): item for item in map(Requirement, lines)}


def pinned(file: str) -> dict[str, Version]:
    result = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / "requirements" / file).read_text(), re.MULTILINE)
    return {name: Version(version) for name, version in result}


@pytest.mark.parametrize("name", INTERNALS)
def test_a_library_whose_internals_are_used_has_an_upper_bound(name):
    assert {item.operator for item in declared()[name].specifier} & {"<", "==", "~="}, INTERNALS[name]


@pytest.mark.parametrize("file", ["serving", "lambda", "development"])
def test_every_bound_admits_what_is_pinned(file):
    pins = pinned(f"{file}.txt")

    refused = {
        name: pins[name] for name, item in declared().items() if name in pins and pins[name] not in item.specifier
    }

    assert refused == {}


def test_both_images_have_the_same_bounds():
    serving, function = wanted("serving.in"), wanted("lambda.in")

    shared = serving.keys() & function.keys()
    assert {name: str(serving[name]) for name in shared} == {name: str(function[name]) for name in shared}
