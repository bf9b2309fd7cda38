"""`churn score` and `churn watch`: score files and folders of this machine."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from app.cli.terminal import (
    FiniteRange,
    OutputFolder,
    interrupt_on_sigterm,
    limit_to_one_thread,
    option_names,
    progress_bar,
    read_settings,
)
from app.cli.versions import models_option, naming_version, version_option
from model.errors import ChurnError, show
from model.output_option import YES_NO, OutputOption
from model.outputs import NEEDS_MONEY, OutputOptions, help_of, options_of, output_options

if TYPE_CHECKING:
    from app.jobs.scoring import ReportProgress, Scoring

CHARSETS: Final = ("utf-8", "utf-16", "latin-1", "windows-1252", "cp1252")

engine_option: Final = click.option(
    "--engine", help="What computes the scores: scorecard or pipeline.  [default: scorecard]"
)


def _output_flag(option: OutputOption) -> Callable[..., Any]:
    # The model, and with it the name of the money, is not known before the options are read.
    text = f"{help_of(option.help)}."
    if option.maximum is None:
        return click.option(option.flag, is_flag=True, flag_value=YES_NO[0], default=None, help=text)
    return click.option(option.flag, metavar="N", help=text)


def scoring_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for how customers are scored to a command; `make_scoring` reads them."""
    options: list[Callable[..., Any]] = [
        *map(_output_flag, reversed(output_options())),
        click.option("--charset", type=click.Choice(CHARSETS), help="Encoding of the text, if it is not UTF-8."),
        engine_option,
        click.option("--threshold", help="Least probability labelled as churn.  [default: the model's own]"),
        models_option(),
        version_option("--model"),
    ]
    for option in options:
        command = option(command)
    return command


def make_scoring(charset: str | None, *, outputs_of_settings: bool = False, **options: str | None) -> "Scoring":
    """Return how files are scored according to the options: the model, the columns and the limits.

    Columns that no option asks for are left out, or with `outputs_of_settings` as in the settings.
    """
    from app import wiring
    from model.explain import terms_of

    # What an option of the results accepts depends on the model.
    texts = {option.name: options.pop(option.name) for option in output_options()}
    settings = read_settings(**options)
    with naming_version(options["model_version"]):
        scorer = wiring.make_scorer(settings)
    values = _parse_outputs(texts, options_of(scorer.schema, len(terms_of(scorer)), has_interval=True))
    others = settings.outputs() if outputs_of_settings else {}
    return wiring.make_scoring(settings, scorer, charset, OutputOptions(**{**others, **values}))


def _parse_outputs(texts: Mapping[str, str | None], offered: Sequence[OutputOption]) -> dict[str, int | bool]:
    """Return the values of the options of the results that were given."""
    flags, by_name, values = option_names(), {option.name: option for option in offered}, {}
    for name, text in texts.items():
        if text is None:
            continue
        option = by_name.get(name)
        if option is None:
            raise ChurnError(f"{flags[name]} {NEEDS_MONEY}")
        value = option.parse(text.strip().lower(), YES_NO)
        if value is None:
            raise ChurnError(f"{flags[name]} must be {option.rule(YES_NO)}, not {show(text)}.")
        values[name] = value
    return values


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--out", type=OutputFolder(path_type=Path), help="Folder for the results.  [default: FILE-scored]")
@scoring_options
def score(file: str, out: Path | None, **options: Any) -> None:
    """Score a CSV file.

    FILE may be compressed with gzip; - is standard input. The results are predictions.csv, rejects.csv and
    summary.json: all of them or none. Other files in the folder are kept.

    Exit status: 0 if the file was read to its end, with or without rejected rows; 1 if the machine refused (no
    permission, a full disk) or on an interrupt; 2 if the file could not be read, or changed while it was read.
    """
    limit_to_one_thread()
    from app.jobs import local
    from model.bulk.unchanged import Unchanged

    if file == "-" and out is None:
        raise click.UsageError("Standard input has no name to call a folder by. Name one for the results: -o FOLDER.")
    folder = out or local.default_folder(Path(file))
    local.check_apart(Path(file), folder)
    scoring = make_scoring(**options)
    interrupt_on_sigterm()
    with click.open_file(file, "rb") as opened, _rows_bar(opened) as report:
        summary = local.score_file(Unchanged(opened, file), Path(file).name, folder, scoring, report)
    click.echo(describe_results(summary, folder), err=True)


@contextmanager
def _rows_bar(source: IO[bytes]) -> Iterator["ReportProgress"]:
    """Show a progress bar with rows per second."""
    # A pipe has no size, and so no time left.
    total = os.fstat(source.fileno()).st_size if sys.stderr.isatty() else 0
    started = time.monotonic()
    with progress_bar(total or None) as move:

        def report(bytes_read: int, rows: int) -> None:
            rate = rows / max(time.monotonic() - started, 1e-3)
            move(bytes_read, f"{rows:,} rows, {rate:,.0f} rows/s")

        yield report


def describe_results(summary: Mapping[str, Any], folder: Path) -> str:
    """Return the text that the terminal shows about a scored file."""
    from app.jobs.layout import REJECTS

    # First, because a file in another unit makes all the rest worthless.
    counts = describe_counts(summary)
    lines = [*summary["notes"], counts] if summary["rows_in"] else [counts, *summary["notes"]]
    # Without scored rows, zeros would look like a result.
    if summary["rows_scored"]:
        tiers = ", ".join(f"{count:,} {tier}" for tier, count in summary["tiers"].items())
        labelled = f"Labelled churn (from {summary['threshold']:.4g}): {summary['predicted_churn']:,}"
        lines.append(f"Risk: {tiers}. {labelled}.")
    lines.append(f"Results: {folder}")
    if summary["rows_rejected"]:
        lines.append(f"Rejected rows, each with its errors: {folder / REJECTS}. Correct them and score that file.")
    return "\n".join(lines)


def describe_counts(summary: Mapping[str, Any]) -> str:
    """Return a sentence with the numbers of rows read, scored and rejected."""
    if not summary["rows_in"]:
        return "Nothing was scored."
    return f"{summary['rows_in']:,} rows in, {summary['rows_scored']:,} scored, {summary['rows_rejected']:,} rejected."


@click.command()
@click.argument("inbox", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("outbox", type=OutputFolder(file_okay=False, path_type=Path))
@click.option(
    "--interval",
    type=FiniteRange(0.01, 86_400),
    default=2.0,
    show_default=True,
    help="Seconds between two checks of INBOX.",
)
@click.option("--once", is_flag=True, help="Score the files that are in INBOX now, then exit.")
@scoring_options
def watch(inbox: Path, outbox: Path, interval: float, once: bool, **options: Any) -> None:
    """Score each CSV file that appears in a folder.

    Each CSV in INBOX is scored once, into OUTBOX/<name>/<job>/; any other file gets a failure.json there. A file is
    scored when two checks in a row found it unchanged, so copying may be slow. Hidden files, and those called
    .part or .tmp, are ignored until they are renamed. INBOX is only read. Each file gives one line of JSON on standard
    output.
    """
    from app import log

    limit_to_one_thread()
    from app.jobs.folder import Folder

    folder = Folder(inbox, outbox, make_scoring(**options, outputs_of_settings=True))
    interrupt_on_sigterm()
    click.echo(f"Watching {inbox}, writing to {outbox}. Ctrl-C ends it.", err=True)
    try:
        for look in range(2) if once else count():
            if look:
                time.sleep(interval)
            for entry in folder.sweep():
                log.write(**entry)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
