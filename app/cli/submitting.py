"""`churn submit`: a file to a service that has a bucket, and its results back."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from app.cli.scoring import report
from app.cli.terminal import bar, end_on_sigterm, read_settings
from model.errors import ChurnError

if TYPE_CHECKING:
    from app.cli.client import Api

LONGEST_WAIT_S: Final = 3.0
"""Between two questions for the state of a job."""


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--job", metavar="ID", help="Instead of FILE: a job that was submitted before, to be waited for.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The folder for the results; FILE-scored or ID-scored if not given.",
)
@click.option("--url", help="Of the API, instead of CHURN_URL, or this machine at PORT.")
@click.option(
    "--key-file", "api_key", type=click.File("r"), help="A file with the key of the API, instead of CHURN_API_KEY."
)
def submit(file: Path | None, job: str | None, out: Path | None, url: str | None, api_key: IO[str] | None) -> None:
    """Send a CSV file to a service with a bucket.

    For files that are too long for a request. FILE may be packed by gzip, which saves time. Once it has been sent, the
    results are waited for and put into a folder as churn score does: predictions.csv, rejects.csv and summary.json.

    Exits with 0 when the results are there, with 2 when the file, or the request, has to be changed, and with 1 when
    the network failed. The job goes on without us, also after Ctrl-C; --job takes its results later.
    """
    from app.cli.client import Api
    from app.jobs import local

    if (file is None) == (job is None):
        raise click.UsageError("Name either a FILE to submit, or with --job the job of one that was submitted.")
    settings = read_settings(url=url, api_key=api_key.read() if api_key else None)
    api = Api(settings.url or f"http://127.0.0.1:{settings.port}", settings.api_key)
    folder = out or (local.default_folder(file) if file else Path(f"{job}-scored"))
    end_on_sigterm()
    if file:
        local.check_apart(file, folder)
        job = _send(api, file)
    assert job is not None
    try:
        summary = _wait(api, job)
        _fetch(api, job, folder)
    except (KeyboardInterrupt, OSError):
        click.echo(f"The job goes on. Take its results later: churn submit --job {job} -o {folder}", err=True)
        raise
    click.echo(report(summary, folder), err=True)


def _send(api: "Api", file: Path) -> str:
    """Upload a file, and return the id of its job."""
    from app.cli import client
    from model.bulk.unchanged import Unchanged

    with file.open("rb") as opened:
        source = Unchanged(opened, file)
        size = os.fstat(source.fileno()).st_size
        form = api.begin()
        if size > form["max_bytes"]:
            limit = f"at most {form['max_bytes']:,} are taken. Pack it by gzip, or send it in parts."
            raise ChurnError(f"{file} has {size:,} bytes; {limit}")
        with bar(size or None) as move:

            def tell(sent: int) -> None:
                if move:
                    move(sent, f"sent {sent / 1e6:,.1f} MB")

            def attempt() -> None:
                nonlocal form
                if client.is_over(form):
                    form = api.begin()
                source.rewind()
                client.send(form, source, size, tell)

            _repeat(attempt, client.TRIES)
    job = str(form["id"])
    click.echo(f"Sent {file}. Job: {job}", err=True)
    return job


def _repeat(attempt: Callable[[], None], tries: int) -> None:
    for again in range(tries - 1):
        try:
            return attempt()
        except ConnectionError:
            time.sleep(2**again)
    return attempt()


def _wait(api: "Api", job: str) -> dict[str, Any]:
    """Return the summary of a job once it is done."""
    pause_s, stopped = 0.5, None
    with bar(1.0) as move:
        while True:
            state = api.state(job)
            if state["status"] == "done":
                summary = dict(state["summary"])
                if move:
                    move(1.0, f"{summary['rows_in']:,} rows")
                return summary
            if state["status"] == "failed":
                raise ChurnError(state["failure"]["message"])
            if state["status"] == "expired":
                raise ChurnError(f"No file came for this job until {state['expires']}. Submit it again.")
            if move:
                move(*_so_far(state))
            if state.get("stopped") not in (None, stopped):
                stopped = state["stopped"]
                click.echo(f"A try was given up, and will be repeated: {stopped}", err=True)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_WAIT_S)


def _so_far(state: dict[str, Any]) -> tuple[float, str]:
    """Return the share that is read, and what is said of it."""
    if state["status"] == "waiting":
        return 0.0, "waiting for its turn" if state["uploaded"] else "waiting for the file"
    if not state.get("bytes"):
        return 0.0, "running"
    return state["bytes_read"] / state["bytes"], f"{state['rows_in']:,} rows"


def _fetch(api: "Api", job: str, folder: Path) -> None:
    """Put the results of a job into a folder, all of them or none."""
    from app.cli import client
    from app.jobs import local

    with local.draft(folder) as made:

        def attempt() -> None:
            # Asked anew each time: links grow old.
            for name, link in api.state(job)["files"].items():
                with (made / Path(name).name).open("wb") as out:
                    client.fetch(link["url"], out, link["bytes"])

        _repeat(attempt, client.TRIES)
        local.publish(made, folder)
