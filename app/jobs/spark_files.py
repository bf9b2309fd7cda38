"""The input and output files of a Spark job: checked before anything is scored and before anything is published."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from app.jobs.hadoop import MAX_THREADS, HadoopFile, HadoopFiles
from app.jobs.layout import SUMMARY, check_name
from model.bulk import cluster
from model.bulk.cluster import Layout, Work
from model.errors import SHOWN_PROBLEMS, ChurnError, InputError

MAX_WHOLE_FILE_BYTES: Final = (1 << 31) - 1
"""Of a file that cannot be split: it goes to its worker as one value, and the JVM allows no longer one."""


def check_target(files: HadoopFiles, target: str, name: str) -> None:
    """Raise a ChurnError if something exists at the target."""
    if not files.exists(target):
        return
    if files.is_folder(target) and not files.exists(f"{target}/{SUMMARY}"):
        raise ChurnError(
            f"{name} is there already, without {SUMMARY}: it is no result, or that of a job which was "
            "stopped before its end. Remove it, or name another folder."
        )
    raise ChurnError(f"{name} is there already. Name another folder, or remove it.")


def read_layouts(
    files: HadoopFiles, inputs: Sequence[HadoopFile], multiline: bool, work: Work
) -> dict[HadoopFile, tuple[Layout, list[str]]]:
    """Return the layout of each CSV file and notes about it.

    A ChurnError names all files that cannot be scored.
    """

    def read(file: HadoopFile) -> tuple[Layout, list[str]] | ChurnError:
        try:
            if len(inputs) > 1:
                check_name(file.name)
            with files.open(file.path) as source:
                layout, notes = cluster.look(source, work)
        except InputError as error:
            return error
        if file.size > MAX_WHOLE_FILE_BYTES and not can_split(file, layout, multiline):
            return ChurnError(
                f"The file is larger than {MAX_WHOLE_FILE_BYTES:,} bytes and cannot be split, because it is "
                "compressed, in UTF-16, or read with --multiline. Decompress it, or split it into files."
            )
        return layout, notes

    with ThreadPoolExecutor(MAX_THREADS) as pool:
        results = dict(zip(inputs, pool.map(read, inputs), strict=True))
    errors = {file.name: str(result) for file, result in results.items() if isinstance(result, ChurnError)}
    refuse(errors, len(inputs))
    return {file: result for file, result in results.items() if isinstance(result, tuple)}


def can_split(file: HadoopFile, layout: Layout, multiline: bool) -> bool:
    """Return whether several workers may each read a part of the file."""
    return layout.has_lines and not multiline and not file.name.lower().endswith(".gz")


def check_unchanged(files: HadoopFiles, source: str, before: Sequence[HadoopFile]) -> None:
    """Raise a ChurnError that names the files which changed while Spark read them."""
    if not before:
        return
    now = {file.path: file for file in files.list(source)}
    changed = [file.name for file in before if now.get(file.path, file) != file]
    if changed:
        rest = f" and {len(changed) - SHOWN_PROBLEMS:,} more" if len(changed) > SHOWN_PROBLEMS else ""
        raise ChurnError(
            f"Changed while they were read: {', '.join(changed[:SHOWN_PROBLEMS])}{rest}. Nothing was written. Run this "
            "again once no other program writes to them."
        )


def refuse(errors: Mapping[str, str], count: int) -> None:
    """Raise a ChurnError that names the files which cannot be scored, if there are any."""
    if not errors:
        return
    shown = [f"{name}: {sentence}" for name, sentence in list(errors.items())[:SHOWN_PROBLEMS]]
    rest = [f"... and {len(errors) - SHOWN_PROBLEMS:,} more."] if len(errors) > SHOWN_PROBLEMS else []
    head = f"{len(errors):,} of {count:,} files cannot be scored, so nothing was written. Correct or remove them."
    raise ChurnError("\n".join([head, *shown, *rest]) if count > 1 else f"{shown[0]} Nothing was written.")
