"""A CSV to the answer of /v2/batches, block by block: the memory stays the same however long the file is.

Imports model/bulk and with it numpy and pyarrow, so the view imports it when it is called.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO, Any, Final

from flask import Response, g

from app.answers import CSV, JSON, NDJSON, CutShortError, json_answer
from app.options import REFUSE, REJECTS
from app.problems import RequestError, errors_of
from app.service import service
from model.bulk import ndjson
from model.bulk.population import worst
from model.bulk.render import Options, Predictions, Rejects
from model.bulk.run import Block, Limits, Run
from model.errors import SHOWN_PROBLEMS, InputError, Problem
from model.scorecard import Scorer

Writer = Predictions | Rejects | ndjson.NdJson

_AHEAD: Final = 2
"""Blocks scored before the first byte goes out: what is wrong with a file of up to about 1 MiB is then a plain 422."""


def answer_file(file: IO[bytes], scorer: Scorer, wanted: str, charset: str | None, options: dict[str, Any]) -> Response:
    """Return the answer for a file that can be read twice, and is read until the answer ends.

    Raises
    ------
    InputError
        If the file cannot be read, as far as that is known before the answer begins.
    RequestError
        bad_rows, under on_error=refuse.
    """
    settings = service().limits
    limits = Limits(max_bytes=settings.max_upload_bytes, max_gzip_ratio=settings.max_gzip_ratio)
    run = Run(file, scorer, charset, limits, top=options["top"])
    if options["on_error"] == REFUSE:
        _refuse_bad_rows(run)
        file.seek(0)
        run = Run(file, scorer, charset, limits, top=options["top"])
    response = _summary(run, file) if wanted == JSON else _rows(run, file, scorer, wanted, options)
    response.vary.add("Accept")
    return response


def _refuse_bad_rows(run: Run) -> None:
    problems: list[Problem] = []
    total = 0
    for block in run:
        for index, found in block.problems.items():
            total += len(found)
            if len(problems) < SHOWN_PROBLEMS:
                problems.extend(block.located(index)[: SHOWN_PROBLEMS - len(problems)])
    if total:
        g.counts = counts = _counts(run)
        members = {**errors_of(problems, total), **counts}
        advice = "leave on_error=refuse out to have each reported in its place"
        shown = {"first": problems[0], "listed": len(problems), "total": total, "advice": advice}
        raise RequestError("bad_rows", members=members, **shown, **counts)


def _counts(run: Run) -> dict[str, Any]:
    return {"rows_in": run.rows_in, "rows_rejected": run.rows_rejected}


def _summary(run: Run, file: IO[bytes]) -> Response:
    for _ in run:
        pass
    file.close()
    summary = run.summary()
    g.counts = {**_counts(run), **worst(summary)}
    return json_answer(summary)


def _rows(run: Run, file: IO[bytes], scorer: Scorer, wanted: str, options: dict[str, Any]) -> Response:
    columns = Options(**{name: options[name] for name in Options.__slots__})
    blocks = iter(run)
    ahead = list(islice(blocks, _AHEAD))
    counts: dict[str, Any] = {}
    g.counts = counts
    writer: Writer
    kind = f"{CSV}; charset=utf-8"
    if wanted == NDJSON:
        writer, kind = ndjson.NdJson(scorer, columns, run.header), NDJSON
    elif options["output"] == REJECTS:
        writer = Rejects(run.header, run.delimiter, columns.spreadsheet_safe)
    else:
        writer = Predictions(scorer, columns, run.header)
    return Response(_pieces(run, file, chain(ahead, blocks), writer, counts), content_type=kind)


def _pieces(
    run: Run, file: IO[bytes], blocks: Iterable[Block], writer: Writer, counts: dict[str, Any]
) -> Iterator[bytes]:
    with file:
        yield writer.header
        try:
            for block in blocks:
                yield writer.lines(block)
                counts.update(_counts(run))
        except InputError as error:
            counts["code"] = error.problem.code
            if isinstance(writer, ndjson.NdJson):
                yield ndjson.error_line(error)
            raise CutShortError from error
        summary = run.summary()
        counts.update(worst(summary))
        if isinstance(writer, ndjson.NdJson):
            yield ndjson.last_line(summary)
