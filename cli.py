"""The terminal's door: the command `churn`. Reads the settings and wires what stands elsewhere.

Heavy imports stand in the commands that need them, so that `churn --help` is quick.
"""

import errno
import importlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from model.errors import ChurnError

if TYPE_CHECKING:
    from batch.local import Scoring
    from batch.outputs import Progress
    from settings import Settings

REFUSED: Final = 2
"""Exit code for what the user has to change: a file that cannot be read as a whole, a wrong option or model."""

FAILED: Final = 1
"""Exit code for what the machine refuses: no permission, a full disk; also for an interrupt."""

CHARSETS: Final = ("utf-8", "utf-16", "latin-1", "cp1252")


class Sentences(click.Group):
    """Commands whose expected errors end in one sentence on standard error, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ChurnError as error:
            click.echo(str(error), err=True)
            ctx.exit(REFUSED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"{where}{error.strerror or error}.", err=True)
            ctx.exit(FAILED)


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def churn() -> None:
    """Which customers are about to leave: score files and folders, serve, train."""


def _settings(**given: str | None) -> "Settings":
    """Return the settings of the environment, but for those given on the command line; the same rules read both."""
    from settings import Settings

    variables = {each.name: each.metadata["variable"] for each in fields(Settings)}
    asked = {name: text for name, text in given.items() if text is not None}
    read = Settings.from_environment({variables[name]: text for name, text in asked.items()})
    return replace(Settings.from_environment(), **{name: getattr(read, name) for name in asked})


def _scoring_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--value-at-risk", is_flag=True, help="Add a column: MonthlyCharges times the probability."),
        click.option("--charset", type=click.Choice(CHARSETS), help="How the text is encoded, where it is not UTF-8."),
        click.option("--engine", help="What scores: scorecard (the default) or pipeline."),
        click.option("--threshold", help="The least probability that is labelled churn, instead of the model's own."),
        click.option("--model", "model_version", metavar="VERSION", help="Another model than the default one."),
    ):
        command = option(command)
    return command


def _scoring(value_at_risk: bool, charset: str | None, **given: str | None) -> "Scoring":
    from batch.local import Scoring
    from model.bulk.render import Options
    from model.bulk.source import Limits
    from model.engine import load_scorer

    settings = _settings(**given)
    scorer = load_scorer(settings.model_version, settings.engine, settings.threshold)
    return Scoring(scorer, Options(value_at_risk), Limits(max_gzip_ratio=settings.max_gzip_ratio), charset)


@churn.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The folder for the results; FILE-scored if not given."
)
@_scoring_options
def score(file: str, out: Path | None, **options: Any) -> None:
    """Score a CSV file.

    FILE may be packed by gzip; - is standard input. The folder of the results gets predictions.csv, rejects.csv and
    summary.json, all of them or none; other files in it stay.

    Exits with 0 when the file was read to its end, with or without rejected rows, and with 2 when it could not be.
    """
    from batch import local

    if file == "-" and out is None:
        raise click.UsageError("Standard input has no name to call a folder by. Say where the results go: -o FOLDER.")
    folder = out or local.default_folder(Path(file))
    local.check_apart(Path(file), folder)
    scoring = _scoring(**options)
    _end_on_sigterm()
    with click.open_file(file, "rb") as source, _rows_bar(source) as progress:
        summary = local.score_file(source, Path(file).name, folder, scoring, progress)
    click.echo(_report(summary, folder), err=True)


def _end_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does, so that drafts are removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def _bar(total: float | None) -> Iterator[Callable[[float, str], None] | None]:
    """Give what moves a bar to where the work is and says what it does; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    shape = "{percentage:3.0f} %|{bar}| {desc}, {remaining} left" if total else "{desc}, {elapsed}"
    with tqdm(total=total, desc="starting", bar_format=shape, dynamic_ncols=True) as bar:

        def move(done: float, saying: str) -> None:
            bar.set_description_str(saying, refresh=False)
            bar.update(done - bar.n)

        yield move


@contextmanager
def _rows_bar(source: IO[bytes]) -> Iterator["Progress | None"]:
    # A pipe has no size, and so no time left.
    total = os.fstat(source.fileno()).st_size if sys.stderr.isatty() else 0
    started = time.monotonic()
    with _bar(total or None) as move:
        if move is None:
            yield None
            return

        def progress(bytes_read: int, rows: int) -> None:
            rate = rows / max(time.monotonic() - started, 1e-3)
            move(bytes_read, f"{rows:,} rows, {rate:,.0f} rows/s")

        yield progress


def _report(summary: dict[str, Any], folder: Path) -> str:
    from batch.jobs import REJECTS

    tiers = ", ".join(f"{count:,} {tier}" for tier, count in summary["tiers"].items())
    lines = [
        f"{summary['rows_in']:,} rows in, {summary['rows_scored']:,} scored, {summary['rows_rejected']:,} rejected.",
        f"Risk: {tiers}. Labelled churn (from {summary['threshold']:.4g}): {summary['predicted_churn']:,}.",
        *summary["notes"],
        f"Results: {folder}",
    ]
    if summary["rows_rejected"]:
        lines.append(f"Rejected rows, each with its errors: {folder / REJECTS}. Mend them and score that file.")
    return "\n".join(lines)


@churn.command()
@click.argument("inbox", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("outbox", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--interval", type=click.FloatRange(0.01, 86_400), default=2.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Score what rests in INBOX now, and end.")
@_scoring_options
def watch(inbox: Path, outbox: Path, interval: float, once: bool, **options: Any) -> None:
    """Score what is dropped into a folder.

    Every CSV in INBOX is scored into OUTBOX/<name>/<job>/, once; what is no CSV gets a failure.json there. A file is
    taken when two looks have seen it unchanged, so copying may take its time; one that is hidden, or called .part or
    .tmp, is left alone until it is renamed. INBOX is only read. Each file gives one line of JSON on standard output.
    """
    import log
    from batch.folder import Folder

    folder = Folder(inbox, outbox, _scoring(**options))
    _end_on_sigterm()
    click.echo(f"Watching {inbox}, writing to {outbox}. Ctrl-C ends it.", err=True)
    try:
        for look in range(2) if once else iter(int, 1):
            if look:
                time.sleep(interval)
            for line in folder.sweep():
                log.write(**line)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


@churn.command()
@click.option("--port", help="Instead of PORT, or 7860.")
@click.option("--host", help="Instead of CHURN_HOST, or 127.0.0.1.")
@click.option("--example", is_flag=True, help="Once it listens, ask it for the example customer and show that.")
def serve(example: bool, **given: str | None) -> None:
    """Serve over HTTP."""
    import subprocess

    import wsgi

    settings = _settings(**given)
    # Started only when the port is ours, so that no other server's answer is shown.
    asking = [sys.executable, __file__, "ask", "--port", str(settings.port), "--wait", "30"]
    wsgi.serve(settings, (lambda: subprocess.Popen(asking)) if example else None)  # noqa: S603 - our own command


@churn.command()
@click.option("--port", help="Instead of PORT, or 7860.")
@click.option(
    "--wait", type=click.FloatRange(0, 600), default=0.0, metavar="SECONDS", help="How long to wait for a server."
)
def ask(port: str | None, wait: float) -> None:
    """Ask a running server for the example customer.

    Prints the request as a curl, and the answer of the server on this machine.
    """
    import http.client

    from model.schema import EXAMPLE

    path, kind, body = "/v1/customer", "application/json", json.dumps(dict(EXAMPLE))
    address = ("127.0.0.1", _settings(port=port).port)
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
                sys.exit(FAILED)  # the server that was started beside this command has ended, and said why
            time.sleep(0.1)
        finally:
            connection.close()
    url = f"http://{address[0]}:{address[1]}{path}"
    click.echo(f"\ncurl {url} -H 'Content-Type: {kind}' -d {shlex.quote(body)}\n{answer}\n")


@churn.command()
def key() -> None:
    """Make a key of the API.

    Prints it, once, and its digest. The digest goes into CHURN_API_KEYS, the key to whoever asks the service.
    """
    import secrets

    from app.keys import digest_of

    made = secrets.token_urlsafe(32)
    click.echo(f"key     {made}\nsha256  {digest_of(made)}")


@churn.command()
@click.option("--table", is_flag=True, help="The Markdown table of the README instead.")
def schema(table: bool) -> None:
    """Print the JSON Schema of a customer."""
    from model.describe import feature_table
    from model.schema import json_schema

    click.echo(feature_table() if table else json.dumps(json_schema(), indent=2), nl=not table)


@churn.command()
def template() -> None:
    """Print a CSV to fill in.

    It has all columns, and one example customer.
    """
    from model import describe

    click.echo(describe.template(), nl=False)


_DATA = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Customers with Churn, as CSV.",
)


def _training(module: str) -> Any:
    try:
        return importlib.import_module(f"model.training.{module}")
    except ModuleNotFoundError as error:
        raise ChurnError(f"Training needs {error.name}, which is not installed here. Run: make dev") from error


@churn.command()
@_DATA
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where versions stand; model/artifacts if not given.",
)
@click.option("--version", help="MAJOR.MINOR.PATCH; the next minor version if not given.")
def train(data: Path, out: Path | None, version: str | None) -> None:
    """Train a model and measure it.

    Takes a CSV with the ten columns and Churn; it writes the folder of one version.
    """
    from model.artifact import ARTIFACTS

    run = _training("train").train
    with _bar(1.0) as move:
        folder = run(
            data, version, out or ARTIFACTS, progress=(lambda doing, share: move(share, doing)) if move else None
        )
    click.echo(folder)


@churn.command()
@_DATA
@click.option("--version", help="The model; the default one if not given.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def evaluate(data: Path, version: str | None, as_json: bool) -> None:
    """Measure a model on customers whose outcome is known."""
    found = _training("evaluate").evaluate(data, version)
    click.echo(json.dumps(found.metrics, indent=2) if as_json else found.text)


if __name__ == "__main__":
    churn(prog_name="churn")
