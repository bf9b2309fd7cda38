"""The API description keeps what clients were generated from: operations, parameters, media types, codes, members.

openapi_structure.json is the structure of the description that was released; sentences may improve, and parameters and
members may be added.
Its code too_slow (408) was removed with the server that sent it: no kept server has it, and the proxy in front answers
such clients (docs/operations.md). Bodies that are too long are refused for every operation by the server, so too_large
(413) is one of each.
"""

import json
from pathlib import Path

import pytest
from openapi_checks import codes_of, content_of, operations

RELEASED = json.loads(Path(__file__).with_name("openapi_structure.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("route", RELEASED["operations"])
def test_an_operation_keeps_its_structure(document, route):
    released = RELEASED["operations"][route]
    operation = dict(operations(document))[route]
    codes = {code for status, values in released["responses"].items() if status[0] != "2" for code in values}
    (success,) = [values for status, values in released["responses"].items() if status[0] == "2"]

    assert operation["operationId"] == released["name"]
    assert {parameter["name"] for parameter in operation["parameters"]} >= set(released["parameters"])
    assert sorted(operation.get("requestBody", {"content": {}})["content"]) == released["body"]
    assert sorted(operation["responses"]) == sorted(released["responses"])
    assert sorted(content_of(operation)) == success
    assert codes_of(operation) == codes


@pytest.mark.parametrize("name", RELEASED["schemas"])
def test_a_schema_keeps_its_members(document, name):
    released, schema = RELEASED["schemas"][name], document["components"]["schemas"][name]

    assert set(schema.get("properties", {})) >= set(released["properties"])
    assert sorted(schema.get("required", [])) == released["required"]
