"""The parts of the API description that tests compare answers with."""

from collections.abc import Iterator

import jsonschema_rs


def operations(document: dict) -> Iterator[tuple[str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def content_of(operation: dict) -> dict:
    """Return the kinds of answer that are no refusal."""
    (result,) = [response["content"] for status, response in operation["responses"].items() if status[0] == "2"]
    return result


def codes_of(operation: dict) -> set[str]:
    refusals = [response for status, response in operation["responses"].items() if status[0] != "2"]
    schemas = [refusal["content"]["application/problem+json"]["schema"] for refusal in refusals]
    return {code for schema in schemas for code in schema["allOf"][1]["properties"]["code"]["enum"]}


def check_described(document: dict, route: str, answer) -> None:
    """Hold status, kind and body of an answer to what is reported of them."""
    method, path = route.split()
    described = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    content = described["content"].get(answer.mimetype) or described["content"]["*/*"]
    assert set(described.get("headers", {})) <= set(answer.headers.keys())
    if answer.is_json or answer.mimetype == "application/problem+json":
        schema = {**content["schema"], "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json)
