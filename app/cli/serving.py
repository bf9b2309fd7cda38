"""`churn serve`, `churn ask` and `churn key`: the server, a question to it, and keys for its clients."""

import http
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Final

import click

from app.cli.terminal import EXIT_FAILED, read_settings
from app.cli.versions import models_option
from model.errors import ChurnError

CLI: Final = Path(__file__).parent
_JSON: Final = "application/json"


@click.command()
@click.option("--port", help="Instead of PORT, or 7860.")
@click.option("--host", help="Instead of CHURN_HOST, or 127.0.0.1.")
@models_option()
@click.option(
    "--example",
    is_flag=True,
    help="Once it listens, ask it for the example customer, show that, and the address to open.",
)
def serve(example: bool, **options: str | None) -> None:
    """Serve over HTTP."""
    import subprocess

    from app import server

    settings = read_settings(**options)
    # Started only when the port is ours, so that no other server's answer is shown.
    ask_example = [sys.executable, str(CLI), "ask", "--port", str(settings.port), "--wait", "30", "--show-address"]
    server.serve(settings, (lambda: subprocess.Popen(ask_example)) if example else None)  # noqa: S603 - our own command


@click.command()
@click.option("--port", help="Instead of PORT, or 7860.")
@click.option(
    "--wait", type=click.FloatRange(0, 600), default=0.0, metavar="SECONDS", help="How long to wait for a server."
)
@click.option("--show-address", is_flag=True, hidden=True)
def ask(port: str | None, wait: float, show_address: bool) -> None:
    """Ask a running server for the example customer of its model.

    Prints the request as a curl, and the answer of the server on this machine.
    """
    port_number, deadline = read_settings(port=port).port, time.monotonic() + wait
    url, path, words = f"http://127.0.0.1:{port_number}", "/v2/schema", ""
    status, answer = _request(port_number, path, None, deadline)
    # A server that wants a key, or is another program, is shown as it answers.
    if status == http.HTTPStatus.OK and (example := _example_of(answer)):
        path, body = "/v1/customer", json.dumps(example)
        _, answer = _request(port_number, path, body, deadline)
        words = f" -H 'Content-Type: {_JSON}' -d {shlex.quote(body)}"
    click.echo(f"\ncurl {url}{path}{words}\n{answer}\n")
    if show_address:
        click.echo(f"Open {url} in a browser. Ctrl-C ends the server.")


def _example_of(schema: str) -> dict[str, object] | None:
    """Return the example customer of a JSON Schema; None of anything else."""
    try:
        example = json.loads(schema)["examples"][0]
    except (ValueError, LookupError, TypeError):
        return None
    return example if isinstance(example, dict) else None


def _request(port: int, path: str, body: str | None, deadline: float) -> tuple[int, str]:
    """Return status and body of what the server on this machine answers; wait for it until the deadline."""
    import http.client

    parent = os.getppid()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST" if body else "GET", path, body, {"Content-Type": _JSON} if body else {})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        except http.client.HTTPException:
            raise ChurnError(f"What listens on port {port} of this machine does not speak HTTP.") from None
        except ConnectionRefusedError:
            if time.monotonic() >= deadline:
                raise ChurnError(f"Nothing listens on port {port} of this machine. Start it: make run") from None
            if os.getppid() != parent:
                sys.exit(EXIT_FAILED)  # the server that was started with this command has ended, and has printed why
            time.sleep(0.1)
        finally:
            connection.close()


@click.command()
def key() -> None:
    """Make a key of the API.

    Prints it, once, and its digest. The digest goes into CHURN_API_KEYS, the key to the client.
    """
    import secrets

    from app.web.api_keys import digest_of

    new_key = secrets.token_urlsafe(32)
    click.echo(f"key     {new_key}\nsha256  {digest_of(new_key)}")
