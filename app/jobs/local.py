"""One file into one folder of results, all or nothing.

Everything is written into a hidden draft beside the folder, or in it, and moved when it is whole: a failure, an
interrupt or a full disk leaves what was there before.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.jobs import drafts, outputs
from app.jobs.jobs import PREDICTIONS, REJECTS, SUMMARY, job_id
from model.bulk.run import FileLimits, Run
from model.bulk.source import Readable
from model.bulk.unchanged import Unchanged
from model.errors import ChurnError
from model.outputs import OutputOptions
from model.scorecard import Scorer

_CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Scoring:
    """How files are scored: the model, what the outputs hold, what is accepted."""

    scorer: Scorer
    options: OutputOptions
    limits: FileLimits
    charset: str | None = None

    def job(self, name: str, content: str) -> str:
        """Return the job that scores bytes with the sha256 `content`, dropped as `name`."""
        return job_id(name, content, self.scorer, self.options, self.charset)


def default_folder(file: Path) -> Path:
    """Return where the results go unless told otherwise: of customers.csv or customers.csv.gz to customers-scored."""
    return file.with_name(re.sub(r"\.csv(\.gz)?$", "", file.name, flags=re.IGNORECASE) + "-scored")


def check_apart(file: Path, folder: Path) -> None:
    """Refuse to write the results over the file they come from.

    Raises
    ------
    ChurnError
    """
    for result in (PREDICTIONS, REJECTS, SUMMARY):
        if (folder / result).exists() and file.exists() and (folder / result).samefile(file):
            raise ChurnError(f"The results would overwrite {file}. Name another folder with -o.")


def score_file(
    source: Readable, name: str, folder: Path, scoring: Scoring, progress: outputs.Progress | None = None
) -> dict[str, Any]:
    """Write the results of `source` into `folder`, which may hold other files, and return the summary.

    Raises
    ------
    InputError, FileChangedError
        If the file cannot be read to its end, or was changed meanwhile; `folder` is then as it was.
    """
    with draft(folder) as made:
        summary = write_results(source, name, made, scoring, progress)
        if isinstance(source, Unchanged):
            source.check()
        publish(made, folder)
    return summary


def write_results(
    source: Readable, name: str, made: Path, scoring: Scoring, progress: outputs.Progress | None = None
) -> dict[str, Any]:
    """Write predictions, rejects and then the summary of `source` into `made`, and return the summary."""
    hashed = outputs.Hashed(source)
    run = Run(hashed, scoring.scorer, charset=scoring.charset, limits=scoring.limits)
    with (made / PREDICTIONS).open("wb") as predictions, (made / REJECTS).open("wb") as rejects:
        summary = outputs.write(run, scoring.scorer, scoring.options, predictions, rejects, progress)
    summary["job"] = scoring.job(name, hashed.sha256)
    (made / SUMMARY).write_bytes(outputs.to_json(summary))
    return summary


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """Give a new hidden folder, and remove it at the end if it was not published; drafts of killed processes go first.

    It lies beside `folder`, or in it where that is there already: beside it may be another file system (a mounted
    volume), no permission to write, or nothing at all (".", "/"). A disk that is full or may only be read is told with
    the name of `folder`: that of the draft says nothing to anyone, and a write that fails names no file at all.
    """
    drafts.sweep(folder)
    drafts.sweep(folder.parent)
    try:
        with drafts.open_draft(folder if folder.is_dir() else folder.parent, folder.name) as made:
            yield made
    except OSError as error:
        if error.errno in _CANNOT_BE_WRITTEN:
            error.filename = str(folder)
        raise


def publish(made: Path, folder: Path) -> None:
    """Move the draft to its place: at once where nothing is there, else file by file, the summary last.

    Raises
    ------
    ChurnError
        If `folder` is a file.
    """
    if folder.is_file():
        raise ChurnError(f"{folder} is a file; the results need a folder.")
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        # Without its summary a folder counts as unfinished, so no reader takes a mixture for a result.
        (folder / SUMMARY).unlink(missing_ok=True)
        for file in sorted(made.iterdir(), key=lambda file: file.name == SUMMARY):
            file.replace(folder / file.name)
