"""A CSV to the answer of /v2/batches, block by block: the memory stays the same however long the file is.

Imports model/bulk and with it numpy and pyarrow, so the view imports it when it is called.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

from flask import Response

from app.web.errors import RequestError
from app.web.file_limits import Work
from app.web.problems import parts_of
from app.web.query_options import REFUSE, REJECTS
from app.web.responses import CSV, JSON, NDJSON, CutShortError, add_notes, json_answer
from model.bulk import ndjson
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.population import largest_drift
from model.bulk.run import Run
from model.errors import InputError
from model.outputs import OutputOptions, choose, shorter_answers
from model.scorecard import Scorer

Writer = Predictions | Rejects | ndjson.NdJson

_AHEAD: Final = 2
"""Blocks written before the first byte goes out: what is wrong with a file of up to about 2 MiB is then a plain 422."""

_SPOOL_BYTES: Final = 1024**2
_CHUNK_BYTES: Final = 64 * 1024


def answer_file(file: IO[bytes], scorer: Scorer, wanted: str, charset: str | None, options: dict[str, Any]) -> Response:
    """Return the answer for a file that can be read twice, and is read until the answer ends.

    Raises
    ------
    InputError
        If the file cannot be read, as far as that is known before the answer begins.
    RequestError
        bad_rows, under on_error=refuse; too_many_rows, too_much_work, answer_too_large, as far as that is known before.
    """
    work = Work(_shorter(wanted, options))
    run = work.open(file, scorer, charset, top=options["top"])
    if options["on_error"] == REFUSE:
        _refuse_bad_rows(work)
        run = work.open(file, scorer, charset, top=options["top"])
    response = _summary(work, run, file) if wanted == JSON else _rows(work, run, file, scorer, wanted, options)
    response.vary.add("Accept")
    return response


def _shorter(wanted: str, options: dict[str, Any]) -> list[str]:
    """Return how to ask for less than these options do, as clauses."""
    return [
        *(shorter_answers(options) if wanted != JSON else []),
        *["ask for text/csv"] * (wanted == NDJSON),
    ]


def _refuse_bad_rows(work: Work) -> None:
    is_whole = True
    try:
        for _ in work.in_slots(work.blocks()):
            pass
    except RequestError:
        if not work.problems:
            raise
        is_whole = False
    if work.problems:
        raise work.bad_rows("leave on_error=refuse out to have each reported in its place", is_whole=is_whole)


def _summary(work: Work, run: Run, file: IO[bytes]) -> Response:
    for _ in work.in_slots(work.blocks()):
        pass
    file.close()
    summary = run.summary()
    work.counts.update(largest_drift(summary))
    answer = json_answer(summary)
    work.sized(answer.data)
    add_notes(answer, summary["notes"])
    return answer


def _rows(work: Work, run: Run, file: IO[bytes], scorer: Scorer, wanted: str, options: dict[str, Any]) -> Response:
    columns = choose(options)
    writer: Writer
    kind = f"{CSV}; charset=utf-8"
    if wanted == NDJSON:
        writer, kind = ndjson.NdJson(scorer, columns, run.header), NDJSON
    elif options["output"] == REJECTS:
        writer = Rejects(run.header, run.delimiter, columns.spreadsheet_safe)
    else:
        writer = Predictions(scorer, columns, run.header)
    pieces = work.in_slots(work.pieces(writer, is_plain=wanted == CSV and columns == OutputOptions()))
    ahead: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (closed with the answer)
    try:
        for piece in pieces:
            ahead.write(piece)
            # Of a file that may be refused for its rows the answer is kept until that is settled.
            if work.blocks_read > _AHEAD and not work.is_mostly_wrong:
                break
    except BaseException:
        ahead.close()
        raise
    work.begin_sending()
    response = Response(_sent(work, run, file, ahead, pieces, writer), content_type=kind)
    response.call_on_close(ahead.close)
    # Those known before the answer begins; the summary has all of them.
    add_notes(response, run.notes)
    return response


def _sent(
    work: Work, run: Run, file: IO[bytes], ahead: IO[bytes], pieces: Iterator[bytes], writer: Writer
) -> Iterator[bytes]:
    with file:
        with ahead:
            ahead.seek(0)
            while chunk := ahead.read(_CHUNK_BYTES):
                yield chunk
        is_ndjson = isinstance(writer, ndjson.NdJson)
        try:
            yield from pieces
            summary = run.summary()
            work.counts.update(largest_drift(summary))
            if is_ndjson:
                yield work.sized(ndjson.last_line(summary))
        except (InputError, RequestError) as error:
            code, message, members = parts_of(error)
            work.counts["code"] = code
            if is_ndjson:
                own = error.problem.to_dict() if isinstance(error, InputError) else {"message": message, **members}
                yield ndjson.error_line({"code": code, **own})
            raise CutShortError from error
