"""The door of a cluster: files and tables of any size through Spark, with the functions of `model.bulk.cluster`.

Only this file knows pyspark. Spark reads bytes or typed columns and writes what comes out; its own CSV parser, which
looks only at the columns that are asked for and so loses broken rows, is not used.
"""

import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from app.jobs.hadoop import AT_ONCE, File, Files
from app.jobs.layout import SUMMARY, check_name
from app.jobs.scoring import Scoring, to_json
from app.jobs.spark_zip import pack, runs_from_zip
from model.bulk import cluster
from model.bulk.arrow_writer import KIND, PREDICTIONS, REJECTS, columns_of
from model.bulk.cluster import COUNTS, FAILURES, Layout, Work
from model.bulk.population import load
from model.bulk.reader import check_header, notes_on
from model.bulk.summary import Summary
from model.bulk.table import BOOLEAN, NUMBER, TEXT, WHOLE, check_kinds
from model.errors import SHOWN_PROBLEMS, ChurnError, InputError
from model.parse import resolve

CSV, PARQUET, TABLE = "csv", "parquet", "table"
ROWS_A_BATCH: Final = 10_000
"""About 800 kB of lines, the size of the blocks of the other doors."""

WHOLE_FILE_LIMIT: Final = (1 << 31) - 1
"""Bytes of a file that is not cut into parts: it goes to its worker as one value, and the JVM ends there."""

_TYPES: Final = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), WHOLE),
    **dict.fromkeys(("float", "double"), NUMBER),
    "boolean": BOOLEAN,
    "string": TEXT,
}
_OUTPUTS: Final = (PREDICTIONS, REJECTS)


@dataclass(frozen=True)
class Job:
    """What is scored, how it is read, and where the results go.

    Attributes
    ----------
    source : str
        A file or folder, or the name of a table.
    source_format, target_format : str
        csv, parquet, and for the source table.
    multiline : bool
        Whether files hold line ends inside quotes, so that each must be read whole.
    """

    source: str
    target: str
    source_format: str
    target_format: str
    multiline: bool = False


@contextmanager
def session(master: str | None = None) -> Iterator[SparkSession]:
    """Give a session with our code on its workers: the one that spark-submit configures, or one on this machine."""
    builder = SparkSession.builder.appName("churn")
    if master:
        builder = builder.master(master)
    spark = builder.getOrCreate()
    try:
        if spark.sparkContext.master.startswith("local"):
            spark.sparkContext.pythonExec = sys.executable
        with tempfile.TemporaryDirectory() as folder:
            if not runs_from_zip():
                spark.sparkContext.addPyFile(str(pack(Path(folder) / "churn.zip")))
            yield spark
    finally:
        spark.stop()


def score(spark: SparkSession, job: Job, scoring: Scoring) -> dict[str, Any]:
    """Score what the job names, and return its summary; where that stands at the target, the rest is whole.

    Everything is written into a hidden folder beside the target and moved when the counts agree, so a failure leaves
    nothing at the target, and a task that ran twice counts once: Spark commits the rows and the counts of a task
    together.

    Raises
    ------
    ChurnError
        If the target is there, the source cannot be read, or Spark gives up.
    """
    files = Files(spark)
    target = files.path(job.target).toString()
    _check_free(files, target, job.target)
    population = load(scoring.scorer)
    work = Work(
        # The folder of the model lies on this machine only.
        replace(scoring.scorer, folder=None),  # type: ignore[type-var]
        population,
        scoring.options,
        scoring.limits,
        scoring.charset,
        typed=job.target_format == PARQUET,
    )
    parent, _, name = target.rpartition("/")
    draft = f"{parent}/.{name}-{token_hex(4)}.part"
    try:
        source = _read(spark, files, job, work)
        _write(source.frame, f"{draft}/made", job.target_format)
        summary = _count(spark, f"{draft}/made", source, work)
        _check_unchanged(files, job, source.files)
        summary |= {"job": spark.sparkContext.applicationId, "notes": source.notes}
        _publish(files, draft, target, job.target_format, summary)
    except (PySparkException, Py4JJavaError) as error:
        raise ChurnError(f"Spark ended the job: {_reason(error)} Nothing was written.") from error
    finally:
        files.remove(draft)
    return summary


def _check_free(files: Files, target: str, name: str) -> None:
    if not files.exists(target):
        return
    if files.is_folder(target) and not files.exists(f"{target}/{SUMMARY}"):
        raise ChurnError(
            f"{name} is there already, without {SUMMARY}: it is no result, or that of a job which was "
            "stopped before its end. Remove it, or name another folder."
        )
    raise ChurnError(f"{name} is there already. Name another folder, or remove it.")


@dataclass(frozen=True)
class _Source:
    """What is scored, as a frame whose evaluation scores it; its files by the numbers that workers know them by."""

    frame: DataFrame
    names: Mapping[int, str]
    notes: list[str]
    files: Sequence[File] = ()


def _read(spark: SparkSession, files: Files, job: Job, work: Work) -> _Source:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", ROWS_A_BATCH)
    if job.source_format == TABLE:
        table = spark.table(job.source)
        return _Source(_score_table(table, work), {}, notes_on(table.columns, resolve(table.columns)[0]))
    if not files.exists(job.source):
        raise ChurnError(f"There is no {job.source}.")
    found = files.list(job.source)
    if not found:
        raise ChurnError(f"{job.source} is a folder without files to score.")
    if job.source_format == PARQUET:
        # Merged, so that a file that differs from the others is found before anything is scored.
        frame = spark.read.option("mergeSchema", True).parquet(files.path(job.source).toString())
        return _Source(_score_table(frame, work), {}, notes_on(frame.columns, resolve(frame.columns)[0]), found)
    return _score_csv(spark, files, job, found, work)


def _score_table(table: DataFrame, work: Work) -> DataFrame:
    positions = check_header(table.columns)
    layout = Layout(tuple(positions), tuple((name, place) for place, name in enumerate(positions)))
    types = {name: table.schema[place].dataType.simpleString() for name, place in positions.items()}
    check_kinds({name: (_kind(type_), type_) for name, type_ in types.items()})
    # By place: a name may hold dots, or differ from another in case only.
    chosen = table.toDF(*map(str, range(len(table.columns)))).select(*[f"`{place}`" for place in positions.values()])
    return _scored(chosen, partial(cluster.score_rows, layout=layout, work=work), work)


def _kind(type_name: str) -> str | None:
    """Return the kind of a Spark type. A decimal without places behind the point is a whole number."""
    name, _, places = type_name.partition("(")
    if name == "decimal":
        return WHOLE if places.endswith(",0)") else NUMBER
    return TEXT if name in ("char", "varchar") else _TYPES.get(type_name.split(" collate ", maxsplit=1)[0])


def _score_csv(spark: SparkSession, files: Files, job: Job, found: Sequence[File], work: Work) -> _Source:
    looks = _look(files, job, found, work)
    notes = [f"{file.name}: {note}" for file, (_, told) in looks.items() for note in told]
    groups: dict[tuple[Layout, bool], list[str]] = {}
    for file, (layout, _) in looks.items():
        is_cut = layout.has_lines and not job.multiline and not _is_packed(file.name)
        # Whole files are read from their start, so it does not matter what stands above their rows.
        key = layout if is_cut else Layout(layout.header, layout.positions, layout.delimiter)
        groups.setdefault((key, is_cut), []).append(file.path)
    frames = [
        _scored(
            _lines(spark, paths) if is_cut else _contents(spark, paths),
            partial(cluster.score_lines if is_cut else cluster.score_files, layout=layout, work=work),
            work,
        )
        for (layout, is_cut), paths in groups.items()
    ]
    names = {_number(form): file.name for file in found for form in _forms(files, file)}
    return _Source(reduce(DataFrame.union, frames), names, notes, found)


def _look(files: Files, job: Job, found: Sequence[File], work: Work) -> dict[File, tuple[Layout, list[str]]]:
    """Return the layout of each file, or name all that cannot be scored."""

    def look(file: File) -> tuple[Layout, list[str]] | InputError | ChurnError:
        try:
            if len(found) > 1:
                check_name(file.name)
            with files.open(file.path) as source:
                layout, notes = cluster.look(source, work)
        except InputError as error:
            return error
        if file.size > WHOLE_FILE_LIMIT and (job.multiline or _is_packed(file.name) or not layout.has_lines):
            return ChurnError(
                f"The file is larger than {WHOLE_FILE_LIMIT:,} bytes and cannot be cut into parts, because it is "
                "packed, in UTF-16, or read with --multiline. Unpack it, or split it."
            )
        return layout, notes

    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = dict(zip(found, pool.map(look, found), strict=True))
    bad = {file.name: str(seen) for file, seen in looks.items() if isinstance(seen, ChurnError)}
    _refuse(bad, len(found))
    return {file: seen for file, seen in looks.items() if isinstance(seen, tuple)}


def _check_unchanged(files: Files, job: Job, before: Sequence[File]) -> None:
    """Raise an error that names the files which were changed while Spark read them."""
    if not before:
        return
    now = {file.path: file for file in files.list(job.source)}
    changed = [file.name for file in before if now.get(file.path, file) != file]
    if changed:
        rest = f" and {len(changed) - SHOWN_PROBLEMS:,} more" if len(changed) > SHOWN_PROBLEMS else ""
        raise ChurnError(
            f"Changed while they were read: {', '.join(changed[:SHOWN_PROBLEMS])}{rest}. Nothing was written. Run this "
            "again once no other program writes to them."
        )


def _refuse(bad: Mapping[str, str], count: int) -> None:
    """Raise an error that names the files which cannot be scored, if there are any."""
    if not bad:
        return
    shown = [f"{name}: {sentence}" for name, sentence in list(bad.items())[:SHOWN_PROBLEMS]]
    rest = [f"... and {len(bad) - SHOWN_PROBLEMS:,} more."] if len(bad) > SHOWN_PROBLEMS else []
    head = f"{len(bad):,} of {count:,} files cannot be scored, so nothing was written. Mend or remove them."
    raise ChurnError("\n".join([head, *shown, *rest]) if count > 1 else f"{shown[0]} Nothing was written.")


def _is_packed(name: str) -> bool:
    return name.lower().endswith(".gz")


def _lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """Return the lines of files as they stand; a carriage return stays, and so does what is not UTF-8."""
    start = f.col("_metadata.file_block_start")
    return spark.read.option("lineSep", "\n").text(list(paths)).select("value", _file(), start.alias("start"))


def _contents(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    return spark.read.format("binaryFile").load(list(paths)).select(_file(), "content")


def _file() -> Any:
    """Return the number of a row's file: eight bytes for each line, and not its path."""
    return f.crc32(f.col("_metadata.file_path").cast("binary")).alias("file")


def _number(path: str) -> int:
    return zlib.crc32(path.encode())


def _forms(files: Files, file: File) -> tuple[str, str]:
    uri = files.path(file.path).toUri().toString()
    return uri, uri.replace("file:///", "file:/", 1)


def _scored(frame: DataFrame, function: Callable[[Iterable[Any]], Iterator[Any]], work: Work) -> DataFrame:
    columns = columns_of(work.options) if work.typed else {cluster.VALUE: "string"}
    schema = ", ".join(f"`{name}` {type_}" for name, type_ in {KIND: "string", **columns}.items())
    return frame.mapInArrow(function, schema)


def _write(frame: DataFrame, folder: str, target_format: str) -> None:
    """Evaluate the frame: rows, rejects and counts of a task are committed together, or not at all."""
    frame.sparkSession.conf.set("spark.sql.maxConcurrentOutputFileWriters", 8)
    writer = frame.write.partitionBy(KIND).option("mapreduce.fileoutputcommitter.algorithm.version", "1")
    if target_format == PARQUET:
        writer.parquet(folder)
    else:
        writer.option("compression", "none").text(folder)


def _count(spark: SparkSession, folder: str, source: _Source, work: Work) -> dict[str, Any]:
    """Return the summary of what was written, whose counts agree, or say which files cannot be scored."""
    messages = _messages(spark, folder, work)
    marks: dict[int, set[str]] = {}
    summary = Summary(work.scorer, population=work.population, numbered=False)
    for part in messages[COUNTS]:
        summary.merge(part["summary"])
        for file, mark in part["marks"]:
            marks.setdefault(file, set()).add(mark)
    bad = {}
    for failure in messages[FAILURES]:
        where = f" (rows counted from byte {failure['start']:,})" if failure["start"] else ""
        bad[source.names.get(failure["file"], "a file")] = failure["message"] + where
    for file, found in marks.items():
        if len(found) > 1:
            bad.setdefault(source.names[file], "The file uses both the comma and the point as decimal mark. Use one.")
    _refuse(bad, len(set(source.names.values())))
    return summary.to_dict()


def _messages(spark: SparkSession, folder: str, work: Work) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {COUNTS: [], FAILURES: []}
    column = "record" if work.typed else cluster.VALUE
    reader = spark.read.parquet if work.typed else spark.read.text
    for row in reader(folder).where(f.col(KIND).isin(list(found))).select(KIND, column).toLocalIterator():
        found[row[0]].append(json.loads(row[1]))
    return found


def _publish(files: Files, draft: str, target: str, target_format: str, summary: Mapping[str, Any]) -> None:
    """Move the outputs to their place, and the summary, which marks them as whole, with them or after them."""
    for kind in _OUTPUTS:
        made = f"{draft}/made/{KIND}={kind}"
        if not files.exists(made):
            continue
        files.make_folder(f"{draft}/result/{kind}")
        ending = ".parquet" if target_format == PARQUET else ".csv"
        files.rename(
            {
                part.path: f"{draft}/result/{kind}/part-{place:05d}{ending}"
                for place, part in enumerate(files.list(made))
            }
        )
    if files.exists(target):
        raise ChurnError(f"{target} was made by another meanwhile. Nothing was written.")
    content = to_json(summary)
    is_one_step = files.is_moved_in_one_step(target)
    if is_one_step:
        files.write(f"{draft}/result/{SUMMARY}", content)
    files.rename({f"{draft}/result": target})
    if not is_one_step:
        files.write(f"{target}/{SUMMARY}", content)


def _reason(error: PySparkException | Py4JJavaError) -> str:
    """Return what went wrong in one line, without the stack."""
    said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].removesuffix(".") + "."
