"""The parts of the API description that tests compare answers with."""

import io
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


def examples(document: dict) -> Iterator[tuple[str, str, str | None, object, str, object]]:
    """Yield route, name, kind and content of a request, kind and content of its answer."""
    for route, operation in operations(document):
        asked = operation.get("requestBody", {"content": {}})["content"]
        for kind, media in content_of(operation).items():
            for name, promised in media.get("examples", {}).items():
                sent = [
                    (item, result["examples"][name])
                    for item, result in asked.items()
                    if name in result.get("examples", {})
                ]
                for taken, content in sent or [(None, {"value": None})]:
                    yield route, name, taken, content["value"], kind, promised["value"]


def check_examples(document: dict, client) -> set[str]:
    """Send each example of a request, hold the answer to the promised one, and return the routes that have any."""
    routes = set()
    for route, _, taken, content, kind, promised in examples(document):
        method, path = route.split()
        sent = {"data": content, "content_type": taken}
        if taken == "application/json":
            sent = {"json": content}
        elif taken == "multipart/form-data":
            sent = {"data": {name: (io.BytesIO(text.encode()), "x.csv") for name, text in content.items()}}
        answer = client.open(path, method=method, headers={"Accept": kind}, **sent)
        check_described(document, route, answer)
        assert (answer.json if kind == "application/json" else answer.text) == promised
        routes.add(route)
    return routes
