"""Fixtures of the Lambda gateway: one request through each kind of HTTP event."""

import pytest
from echo import echo
from http_events import EVENT_KINDS, event, read

import handler
from app.aws.gateway import Gateway, Invocation


@pytest.fixture(params=EVENT_KINDS)
def event_kind(request) -> str:
    return request.param


@pytest.fixture
def invoke(event_kind):
    """Send a request to the function as one kind of event, and read its answer."""

    def invoke(*path_and_method, **options):
        return read(event_kind, handler.api(event(event_kind, *path_and_method, **options)))

    return invoke


@pytest.fixture
def invoke_echo(event_kind):
    """Send a request to the echo app as one kind of event, mounted at `base_path`."""

    def invoke_echo(*path_and_method, base_path="", call=Invocation(), **options):  # noqa: B008 - it is frozen
        answer = Gateway(echo(), "1.2.3", base_path).answer(event(event_kind, *path_and_method, **options), call)
        return read(event_kind, answer)

    return invoke_echo
