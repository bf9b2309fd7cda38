"""`churn submit`: send a file to a service that has a bucket, and download its results."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from app.cli.scoring import describe_results
from app.cli.terminal import interrupt_on_sigterm, progress_bar, read_settings
from model.errors import ChurnError

if TYPE_CHECKING:
    from app.cli.client import Api

MAX_POLL_S: Final = 3.0
"""Between two requests for the state of a job."""

_RETRY_AFTER_S: Final = (1, 2)
"""Pauses before a file is sent, or results are downloaded, again."""


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--job", "job_id", metavar="ID", help="Wait for a job that was submitted before, instead of a FILE.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the results.  [default: FILE-scored or ID-scored]",
)
@click.option("--url", help="Address of the service.  [default: CHURN_URL, or port PORT of this machine]")
@click.option(
    "--key-file", "api_key", type=click.File("r"), help="File with the API key.  [default: the key in CHURN_API_KEY]"
)
def submit(file: Path | None, job_id: str | None, out: Path | None, url: str | None, api_key: IO[str] | None) -> None:
    """Send a CSV file to a service that has a bucket, and download the results.

    For files that are too large for a request. FILE may be compressed with gzip, which saves time. The command waits
    for the results and writes them to a folder, as churn score does: predictions.csv, rejects.csv and summary.json.

    Exit status: 0 if the results are there; 1 if the network failed, or on an interrupt: the job goes on, and --job
    downloads its results later; 2 if the file or the request must be changed.
    """
    from app.cli.client import Api
    from app.jobs import local

    if (file is None) == (job_id is None):
        raise click.UsageError("Name either a FILE to submit, or with --job the job of one that was submitted.")
    settings = read_settings(url=url, api_key=api_key.read() if api_key else None)
    api = Api(settings.url or f"http://127.0.0.1:{settings.port}", settings.api_key)
    folder = out or (local.default_folder(file) if file else Path(f"{job_id}-scored"))
    interrupt_on_sigterm()
    if file:
        local.check_apart(file, folder)
        job_id = _send(api, file)
    assert job_id is not None
    try:
        summary = _wait(api, job_id)
        _download(api, job_id, folder)
    except (KeyboardInterrupt, OSError):
        click.echo(f"The job goes on. Get its results later: churn submit --job {job_id} -o {folder}", err=True)
        raise
    click.echo(describe_results(summary, folder), err=True)


def _send(api: "Api", path: Path) -> str:
    """Upload a file, and return the id of its job."""
    from app.cli import client
    from model.bulk.unchanged import Unchanged

    with path.open("rb") as file:
        source = Unchanged(file, path)
        size = os.fstat(source.fileno()).st_size
        form = api.create_upload()
        if size > form["max_bytes"]:
            limit = f"at most {form['max_bytes']:,} are accepted. Compress it with gzip, or send it in parts."
            raise ChurnError(f"{path} has {size:,} bytes; {limit}")
        with progress_bar(size or None) as move:

            def attempt() -> None:
                nonlocal form
                if client.is_expired(form):
                    form = api.create_upload()
                source.rewind()
                client.send(form, source, size, lambda sent: move(sent, f"sent {sent / 1e6:,.1f} MB"))

            _retry(attempt)
    job_id = str(form["id"])
    click.echo(f"Sent {path}. Job: {job_id}", err=True)
    return job_id


def _retry(attempt: Callable[[], None]) -> None:
    for pause_s in _RETRY_AFTER_S:
        try:
            return attempt()
        except ConnectionError:
            time.sleep(pause_s)
    return attempt()


def _wait(api: "Api", job_id: str) -> dict[str, Any]:
    """Return the summary of a job once it is done."""
    pause_s, stopped = 0.5, None
    with progress_bar(1.0) as move:
        while True:
            state = api.get_job(job_id)
            if state["status"] == "done":
                summary = dict(state["summary"])
                move(1.0, f"{summary['rows_in']:,} rows")
                return summary
            if state["status"] == "failed":
                raise ChurnError(state["failure"]["message"])
            if state["status"] == "expired":
                raise ChurnError(f"No file was received for this job until {state['expires']}. Submit it again.")
            move(*_progress(state))
            if state.get("stopped") not in (None, stopped):
                stopped = state["stopped"]
                click.echo(f"The job was stopped, and will be tried again: {stopped}", err=True)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, MAX_POLL_S)


def _progress(state: dict[str, Any]) -> tuple[float, str]:
    """Return the share of the file that was read, and a description."""
    if state["status"] == "waiting":
        return 0.0, "waiting to be scored" if state["uploaded"] else "waiting for the file"
    if not state.get("bytes"):
        return 0.0, "running"
    return state["bytes_read"] / state["bytes"], f"{state['rows_in']:,} rows"


def _download(api: "Api", job_id: str, folder: Path) -> None:
    """Write the results of a job into a folder, all of them or none."""
    from app.cli import client
    from app.jobs import local

    with local.draft(folder) as draft:

        def attempt() -> None:
            # New links for each attempt, since they expire.
            for name, link in api.get_job(job_id)["files"].items():
                with (draft / Path(name).name).open("wb") as file:
                    client.download(link["url"], file, link["bytes"])

        _retry(attempt)
        local.publish(draft, folder)
