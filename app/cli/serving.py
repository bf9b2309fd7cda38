"""`churn serve`, `churn ask` and `churn key`: the server, a question to it, and keys for its clients."""

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Final

import click

from app.cli.terminal import EXIT_FAILED, read_settings
from app.cli.versions import models_option, schema_of
from model.errors import ChurnError

CLI: Final = Path(__file__).parent


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
    if options["models"]:
        ask_example += ["--models", options["models"]]
    server.serve(settings, (lambda: subprocess.Popen(ask_example)) if example else None)  # noqa: S603 - our own command


@click.command()
@click.option("--port", help="Instead of PORT, or 7860.")
@click.option(
    "--wait", type=click.FloatRange(0, 600), default=0.0, metavar="SECONDS", help="How long to wait for a server."
)
@click.option("--show-address", is_flag=True, hidden=True)
@models_option()
def ask(port: str | None, wait: float, show_address: bool, models: str | None) -> None:
    """Ask a running server for the example customer.

    Prints the request as a curl, and the answer of the server on this machine.
    """
    import http.client

    path, kind, body = "/v1/customer", "application/json", json.dumps(dict(schema_of(models).example))
    address = ("127.0.0.1", read_settings(port=port).port)
    parent, deadline = os.getppid(), time.monotonic() + wait
    while True:
        connection = http.client.HTTPConnection(*address, timeout=10)
        try:
            connection.request("POST", path, body, {"Content-Type": kind})
            answer = connection.getresponse().read().decode("utf-8", "replace")
            break
        except http.client.HTTPException:
            raise ChurnError(f"What listens on port {address[1]} of this machine does not speak HTTP.") from None
        except ConnectionRefusedError:
            if time.monotonic() >= deadline:
                raise ChurnError(f"Nothing listens on port {address[1]} of this machine. Start it: make run") from None
            if os.getppid() != parent:
                sys.exit(EXIT_FAILED)  # the server that was started with this command has ended, and has printed why
            time.sleep(0.1)
        finally:
            connection.close()
    url = f"http://{address[0]}:{address[1]}{path}"
    click.echo(f"\ncurl {url} -H 'Content-Type: {kind}' -d {shlex.quote(body)}\n{answer}\n")
    if show_address:
        click.echo(f"Open http://{address[0]}:{address[1]} in a browser. Ctrl-C ends the server.")


@click.command()
def key() -> None:
    """Make a key of the API.

    Prints it, once, and its digest. The digest goes into CHURN_API_KEYS, the key to the client.
    """
    import secrets

    from app.web.api_keys import digest_of

    new_key = secrets.token_urlsafe(32)
    click.echo(f"key     {new_key}\nsha256  {digest_of(new_key)}")
