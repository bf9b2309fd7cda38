"""Score files and tables of any size with Spark, by the functions of `model.bulk.cluster`.

Only this file imports pyspark. Spark reads bytes or typed columns and writes the results. Its own CSV parser is not
used: it looks only at the columns that are asked for, and so loses broken rows.
"""

import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

from app.jobs.hadoop import HadoopFile, HadoopFiles
from app.jobs.layout import SUMMARY
from app.jobs.scoring import Scoring, to_json
from app.jobs.spark_files import can_split, check_target, check_unchanged, read_layouts, refuse
from app.jobs.spark_zip import runs_from_zip, write_zip
from model.bulk import cluster
from model.bulk.arrow_writer import KIND, PREDICTIONS, REJECTS, columns_of
from model.bulk.cluster import COUNTS, FAILURES, Layout, Work
from model.bulk.header import check_header, notes_on
from model.bulk.population import load
from model.bulk.summary import Summary
from model.bulk.table import BOOLEAN, NUMBER, TEXT, WHOLE, check_kinds
from model.errors import ChurnError

CSV, PARQUET, TABLE = "csv", "parquet", "table"
BATCH_ROWS: Final = 10_000
"""About 800 kB of lines, as much as a block of the other entry points."""

_KINDS: Final = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), WHOLE),
    **dict.fromkeys(("float", "double"), NUMBER),
    "boolean": BOOLEAN,
    "string": TEXT,
}


@dataclass(frozen=True)
class Job:
    """What is scored, how it is read, and where the results go.

    The source is a file, a folder, or the name of a table; formats are csv, parquet, and for the source table. With
    `multiline` cells contain line breaks, so each file must be read whole.
    """

    source: str
    target: str
    source_format: str
    target_format: str
    multiline: bool = False


@dataclass(frozen=True)
class _Input:
    """A frame that scores its rows when it is evaluated, and the names of its files by the numbers workers use."""

    scored: DataFrame
    names: Mapping[int, str]
    notes: list[str]
    files: Sequence[HadoopFile] = ()


@contextmanager
def session(master: str | None = None) -> Iterator[SparkSession]:
    """Give a session whose workers have our code: as configured by spark-submit, else on this machine."""
    builder = SparkSession.builder.appName("churn")
    if master:
        builder = builder.master(master)
    spark = builder.getOrCreate()
    try:
        if spark.sparkContext.master.startswith("local"):
            spark.sparkContext.pythonExec = sys.executable
        with tempfile.TemporaryDirectory() as folder:
            if not runs_from_zip():
                spark.sparkContext.addPyFile(str(write_zip(Path(folder) / "churn.zip")))
            yield spark
    finally:
        spark.stop()


def score(spark: SparkSession, job: Job, scoring: Scoring) -> dict[str, Any]:
    """Run a job, and return its summary. If the target has a summary, its results are complete.

    Everything is written into a hidden folder next to the target and renamed once the counts agree, so a failure leaves
    nothing at the target. A task that ran twice counts once: Spark commits its rows and counts together.
    """
    files = HadoopFiles(spark)
    target = files.path(job.target).toString()
    check_target(files, target, job.target)
    work = Work(
        # Without the model's folder, which exists on this machine only.
        replace(scoring.scorer, folder=None),  # type: ignore[type-var]
        load(scoring.scorer),
        scoring.options,
        scoring.limits,
        scoring.charset,
        typed=job.target_format == PARQUET,
    )
    parent, _, name = target.rpartition("/")
    draft = f"{parent}/.{name}-{token_hex(4)}.part"
    try:
        data = _read(spark, files, job, work)
        _write(data.scored, f"{draft}/output", job.target_format)
        summary = _summarize(spark, f"{draft}/output", data, work)
        check_unchanged(files, job.source, data.files)
        summary["job"] = spark.sparkContext.applicationId
        _publish(files, draft, target, job.target_format, summary)
    except (PySparkException, Py4JJavaError) as error:
        raise ChurnError(f"Spark ended the job: {_first_line(error)} Nothing was written.") from error
    finally:
        files.remove(draft)
    return summary


def _read(spark: SparkSession, files: HadoopFiles, job: Job, work: Work) -> _Input:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", BATCH_ROWS)
    if job.source_format == TABLE:
        return _score_table(spark.table(job.source), work)
    if not files.exists(job.source):
        raise ChurnError(f"There is no {job.source}.")
    inputs = files.list(job.source)
    if not inputs:
        raise ChurnError(f"{job.source} is a folder without files to score.")
    if job.source_format == CSV:
        return _score_csv(spark, files, job, inputs, work)
    # Merged, so that a file that differs from the others is found before anything is scored.
    table = spark.read.option("mergeSchema", True).parquet(files.path(job.source).toString())
    return replace(_score_table(table, work), files=inputs)


def _score_table(table: DataFrame, work: Work) -> _Input:
    schema = work.scorer.schema
    positions = check_header(table.columns, schema)
    layout = Layout(tuple(positions), tuple((name, index) for index, name in enumerate(positions)))
    types = {name: table.schema[index].dataType.simpleString() for name, index in positions.items()}
    check_kinds({name: (_kind(type_), type_) for name, type_ in types.items()}, schema)
    # By position: a name may contain dots, or differ from another only in case.
    numbered = table.toDF(*map(str, range(len(table.columns))))
    columns = numbered.select(*[f"`{index}`" for index in positions.values()])
    scored = _score(columns, partial(cluster.score_rows, layout=layout, work=work), work)
    return _Input(scored, {}, notes_on(table.columns, positions, schema))


def _kind(type_name: str) -> str | None:
    """Return the kind of a Spark type. A decimal without decimal places is a whole number."""
    name, _, parameters = type_name.partition("(")
    if name == "decimal":
        return WHOLE if parameters.endswith(",0)") else NUMBER
    return TEXT if name in ("char", "varchar") else _KINDS.get(type_name.split(" collate ", maxsplit=1)[0])


def _score_csv(spark: SparkSession, files: HadoopFiles, job: Job, inputs: Sequence[HadoopFile], work: Work) -> _Input:
    layouts = read_layouts(files, inputs, job.multiline, work)
    groups: dict[tuple[Layout, bool], list[str]] = {}
    for file, (layout, _) in layouts.items():
        is_split = can_split(file, layout, job.multiline)
        # Whole files are read from their start, so the lines above their rows do not matter.
        key = layout if is_split else Layout(layout.header, layout.positions, layout.delimiter)
        groups.setdefault((key, is_split), []).append(file.path)
    frames = [
        _score(
            _lines(spark, paths) if is_split else _contents(spark, paths),
            partial(cluster.score_lines if is_split else cluster.score_files, layout=layout, work=work),
            work,
        )
        for (layout, is_split), paths in groups.items()
    ]
    names = {zlib.crc32(uri.encode()): file.name for file in inputs for uri in _uris(files, file)}
    notes = [f"{file.name}: {note}" for file, (_, file_notes) in layouts.items() for note in file_notes]
    return _Input(reduce(DataFrame.union, frames), names, notes, inputs)


def _lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """Return the lines of files unchanged, with carriage returns and with bytes that are not UTF-8."""
    start = f.col("_metadata.file_block_start")
    return spark.read.option("lineSep", "\n").text(list(paths)).select("value", _file_number(), start.alias("start"))


def _contents(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    return spark.read.format("binaryFile").load(list(paths)).select(_file_number(), "content")


def _file_number() -> Any:
    """Return a column with the number of a row's file: eight bytes a line instead of its path."""
    return f.crc32(f.col("_metadata.file_path").cast("binary")).alias("file")


def _uris(files: HadoopFiles, file: HadoopFile) -> tuple[str, str]:
    """Return both ways in which Spark may write the path of a local file."""
    uri = files.path(file.path).toUri().toString()
    return uri, uri.replace("file:///", "file:/", 1)


def _score(frame: DataFrame, function: Callable[[Iterable[Any]], Iterator[Any]], work: Work) -> DataFrame:
    columns = columns_of(work.scorer.schema, work.options) if work.typed else {cluster.VALUE: "string"}
    schema = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in {KIND: "string", **columns}.items())
    return frame.mapInArrow(function, schema)


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _write(frame: DataFrame, folder: str, target_format: str) -> None:
    """Evaluate the frame. The rows, rejects and counts of a task are committed together, or not at all."""
    frame.sparkSession.conf.set("spark.sql.maxConcurrentOutputFileWriters", 8)
    writer = frame.write.partitionBy(KIND).option("mapreduce.fileoutputcommitter.algorithm.version", "1")
    if target_format == PARQUET:
        writer.parquet(folder)
    else:
        writer.option("compression", "none").text(folder)


def _summarize(spark: SparkSession, folder: str, data: _Input, work: Work) -> dict[str, Any]:
    """Return the summary of the output, whose counts were checked; raise an error that names files with failures."""
    messages = _read_messages(spark, folder, work)
    decimal_marks: dict[int, set[str]] = {}
    summary = Summary(work.scorer, population=work.population, numbered=False)
    for part in messages[COUNTS]:
        summary.merge(part["summary"])
        for file, mark in part["marks"]:
            decimal_marks.setdefault(file, set()).add(mark)
    errors = {}
    for failure in messages[FAILURES]:
        position = f" (rows counted from byte {failure['start']:,})" if failure["start"] else ""
        errors[data.names.get(failure["file"], "a file")] = failure["message"] + position
    for file, marks in decimal_marks.items():
        if len(marks) > 1:
            errors.setdefault(data.names[file], "The file uses both the comma and the point as decimal mark. Use one.")
    refuse(errors, len(set(data.names.values())))
    return {**summary.to_dict(), "notes": [*summary.implausible(), *data.notes, *summary.notes]}


def _read_messages(spark: SparkSession, folder: str, work: Work) -> dict[str, list[dict[str, Any]]]:
    messages: dict[str, list[dict[str, Any]]] = {COUNTS: [], FAILURES: []}
    column = "record" if work.typed else cluster.VALUE
    reader = spark.read.parquet if work.typed else spark.read.text
    for row in reader(folder).where(f.col(KIND).isin(list(messages))).select(KIND, column).toLocalIterator():
        messages[row[0]].append(json.loads(row[1]))
    return messages


def _publish(files: HadoopFiles, draft: str, target: str, target_format: str, summary: Mapping[str, Any]) -> None:
    """Rename the outputs to the target. The summary, which marks them as complete, appears with them or after them."""
    for kind in (PREDICTIONS, REJECTS):
        output = f"{draft}/output/{KIND}={kind}"
        if files.exists(output):
            files.make_folder(f"{draft}/result/{kind}")
            parts = enumerate(files.list(output))
            result = f"{draft}/result/{kind}"
            files.rename({part.path: f"{result}/part-{number:05d}.{target_format}" for number, part in parts})
    if files.exists(target):
        raise ChurnError(f"{target} was made by another meanwhile. Nothing was written.")
    content = to_json(summary)
    is_atomic = files.renames_atomically(target)
    if is_atomic:
        files.write(f"{draft}/result/{SUMMARY}", content)
    files.rename({f"{draft}/result": target})
    if not is_atomic:
        files.write(f"{target}/{SUMMARY}", content)


def _first_line(error: PySparkException | Py4JJavaError) -> str:
    """Return the reason in one line, without the stack trace."""
    text = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].removesuffix(".") + "."
