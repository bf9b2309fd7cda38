"""`churn score` and `churn watch`: files and folders of this machine through the road."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from app.cli.terminal import Destination, Figure, bar, end_on_sigterm, keep_to_one_thread, read_settings
from app.cli.versions import models_option, version_option

if TYPE_CHECKING:
    from app.jobs.scoring import ReportProgress, Scoring

CHARSETS: Final = ("utf-8", "utf-16", "latin-1", "windows-1252", "cp1252")


def scoring_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how customers are scored; `scoring_of` takes them."""
    for option in (
        click.option("--value-at-risk", is_flag=True, help="Add a column: MonthlyCharges times the probability."),
        click.option("--charset", type=click.Choice(CHARSETS), help="How the text is encoded, where it is not UTF-8."),
        click.option("--engine", help="What scores: scorecard (the default) or pipeline."),
        click.option("--threshold", help="The least probability that is labelled churn, instead of the model's own."),
        models_option(),
        version_option("--model"),
    ):
        command = option(command)
    return command


def scoring_of(value_at_risk: bool, charset: str | None, **given: str | None) -> "Scoring":
    """Return what the options ask for: the model, the columns and the limits."""
    from app import wiring

    # Not by CHURN_VALUE_AT_RISK, which is that of the bucket.
    settings = replace(read_settings(**given), value_at_risk=value_at_risk)
    return wiring.make_scoring(settings, wiring.make_scorer(settings), charset)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "-o", "--out", type=Destination(path_type=Path), help="The folder for the results; FILE-scored if not given."
)
@scoring_options
def score(file: str, out: Path | None, **options: Any) -> None:
    """Score a CSV file.

    FILE may be packed by gzip; - is standard input. The folder of the results gets predictions.csv, rejects.csv and
    summary.json, all of them or none; other files in it stay.

    Exits with 0 when the file was read to its end, with or without rejected rows, and with 2 when it could not be, or
    was changed meanwhile.
    """
    keep_to_one_thread()
    from app.jobs import local
    from model.bulk.unchanged import Unchanged

    if file == "-" and out is None:
        raise click.UsageError("Standard input has no name to call a folder by. Say where the results go: -o FOLDER.")
    folder = out or local.default_folder(Path(file))
    local.check_apart(Path(file), folder)
    scoring = scoring_of(**options)
    end_on_sigterm()
    with click.open_file(file, "rb") as opened, rows_bar(opened) as progress:
        source = Unchanged(opened, file)
        summary = local.score_file(source, Path(file).name, folder, scoring, progress)
    click.echo(report(summary, folder), err=True)


@contextmanager
def rows_bar(source: IO[bytes]) -> Iterator["ReportProgress | None"]:
    """Give what moves a bar with rows a second, where standard error is a terminal."""
    # A pipe has no size, and so no time left.
    total = os.fstat(source.fileno()).st_size if sys.stderr.isatty() else 0
    started = time.monotonic()
    with bar(total or None) as move:
        if move is None:
            yield None
            return

        def progress(bytes_read: int, rows: int) -> None:
            rate = rows / max(time.monotonic() - started, 1e-3)
            move(bytes_read, f"{rows:,} rows, {rate:,.0f} rows/s")

        yield progress


def report(summary: Mapping[str, Any], folder: Path) -> str:
    """Return what is said on the terminal of a list that was scored."""
    from app.jobs.layout import REJECTS

    lines = [counts(summary)]
    # Of nobody the zeros would look like a result.
    if summary["rows_scored"]:
        tiers = ", ".join(f"{count:,} {tier}" for tier, count in summary["tiers"].items())
        labelled = f"Labelled churn (from {summary['threshold']:.4g}): {summary['predicted_churn']:,}"
        lines.append(f"Risk: {tiers}. {labelled}.")
    lines += [*summary["notes"], f"Results: {folder}"]
    if summary["rows_rejected"]:
        lines.append(f"Rejected rows, each with its errors: {folder / REJECTS}. Mend them and score that file.")
    return "\n".join(lines)


def counts(summary: Mapping[str, Any]) -> str:
    """Return how many rows were read, scored and rejected, in a sentence."""
    if not summary["rows_in"]:
        return "Nothing was scored."
    return f"{summary['rows_in']:,} rows in, {summary['rows_scored']:,} scored, {summary['rows_rejected']:,} rejected."


@click.command()
@click.argument("inbox", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("outbox", type=Destination(file_okay=False, path_type=Path))
@click.option("--interval", type=Figure(0.01, 86_400), default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--once", is_flag=True, help="Score what rests in INBOX now, and end.")
@scoring_options
def watch(inbox: Path, outbox: Path, interval: float, once: bool, **options: Any) -> None:
    """Score what is dropped into a folder.

    Every CSV in INBOX is scored into OUTBOX/<name>/<job>/, once; what is no CSV gets a failure.json there. A file is
    taken when two looks have seen it unchanged, so copying may take its time; one that is hidden, or called .part or
    .tmp, is left alone until it is renamed. INBOX is only read. Each file gives one line of JSON on standard output.
    """
    from app import log

    keep_to_one_thread()
    from app.jobs.folder import Folder

    folder = Folder(inbox, outbox, scoring_of(**options))
    end_on_sigterm()
    click.echo(f"Watching {inbox}, writing to {outbox}. Ctrl-C ends it.", err=True)
    try:
        for look in range(2) if once else count():
            if look:
                time.sleep(interval)
            for line in folder.sweep():
                log.write(**line)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
