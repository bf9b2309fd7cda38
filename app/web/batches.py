"""From a CSV to the response of /v2/batches, block by block: memory stays the same however long the file is.

Imports model/bulk and with it numpy and pyarrow, so the view imports it when it is called.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

from flask import Response, request

from app.web.errors import RequestError
from app.web.file_limits import LimitedRun
from app.web.problems import parts_of
from app.web.query_options import REFUSE, REJECTS
from app.web.responses import CSV, JSON, NDJSON, SPOOL_BYTES, CutShortError, add_notes, json_response, read_spool
from model.bulk import ndjson
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.population import largest_drift
from model.bulk.run import Run
from model.errors import InputError
from model.outputs import OutputOptions, choose, shorter_answers
from model.scorecard import Scorer

Writer = Predictions | Rejects | ndjson.NdJson

_BLOCKS_AHEAD: Final = 2
"""Blocks written before the first byte is sent: an error in a file of up to about 2 MiB is then a plain 422."""


def score_file(
    file: IO[bytes], scorer: Scorer, media_type: str, charset: str | None, options: dict[str, Any]
) -> Response:
    """Return the response for a file that can be read twice, and is read until the response ends.

    Raises
    ------
    InputError
        If the file cannot be read, as far as that is known before the response begins.
    RequestError
        bad_rows, under on_error=refuse; too_many_rows, too_much_work, answer_too_large, as far as that is known before.
    """
    limited = LimitedRun(_shorter(media_type, options))
    run = limited.open(file, scorer, charset, top=options["top"])
    if options["on_error"] == REFUSE:
        _refuse_bad_rows(limited)
        run = limited.open(file, scorer, charset, top=options["top"])
    if media_type == JSON:
        response = _summary(limited, run, file)
    else:
        response = _rows(limited, run, file, scorer, media_type, options)
    response.vary.add("Accept")
    return response


def _shorter(media_type: str, options: dict[str, Any]) -> list[str]:
    """Return the ways to a shorter response, as clauses."""
    return [
        *(shorter_answers(options) if media_type != JSON else []),
        *["ask for text/csv"] * (media_type == NDJSON),
    ]


def _refuse_bad_rows(limited: LimitedRun) -> None:
    is_whole = True
    try:
        for _ in limited.in_slots(limited.blocks()):
            pass
    except RequestError:
        if not limited.problems:
            raise
        is_whole = False
    if limited.problems:
        raise limited.bad_rows("leave on_error=refuse out to have each reported in its place", is_whole=is_whole)


def _summary(limited: LimitedRun, run: Run, file: IO[bytes]) -> Response:
    for _ in limited.in_slots(limited.blocks()):
        pass
    file.close()
    summary = run.summary()
    limited.counts.update(largest_drift(summary))
    response = json_response(summary)
    limited.check_size(response.data)
    add_notes(response, summary["notes"])
    return response


def _rows(
    limited: LimitedRun, run: Run, file: IO[bytes], scorer: Scorer, media_type: str, options: dict[str, Any]
) -> Response:
    columns = choose(options)
    writer: Writer
    content_type = f"{CSV}; charset=utf-8"
    if media_type == NDJSON:
        writer, content_type = ndjson.NdJson(scorer, columns, run.header), NDJSON
    elif options["output"] == REJECTS:
        writer = Rejects(run.header, run.delimiter, columns.spreadsheet_safe)
    else:
        writer = Predictions(scorer, columns, run.header)
    pieces = limited.in_slots(limited.pieces(writer, is_plain=media_type == CSV and columns == OutputOptions()))
    is_streamable = request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
    ahead: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 (closed with the response)
    try:
        for piece in pieces:
            ahead.write(piece)
            # The response is kept back while the file may still be refused for its rows. HTTP/1.0 gets it whole: it has
            # no chunks, so one that broke off would look complete.
            if limited.blocks_read > _BLOCKS_AHEAD and not limited.is_mostly_wrong and is_streamable:
                break
    except BaseException:
        ahead.close()
        raise
    limited.start_sending()
    response = Response(_stream(limited, run, file, ahead, pieces, writer), content_type=content_type)
    response.call_on_close(ahead.close)
    # Those known before the response begins; the summary has all of them.
    add_notes(response, run.notes)
    return response


def _stream(
    limited: LimitedRun, run: Run, file: IO[bytes], ahead: IO[bytes], pieces: Iterator[bytes], writer: Writer
) -> Iterator[bytes]:
    with file:
        yield from read_spool(ahead)
        is_ndjson = isinstance(writer, ndjson.NdJson)
        try:
            yield from pieces
            summary = run.summary()
            limited.counts.update(largest_drift(summary))
            if is_ndjson:
                yield limited.check_size(ndjson.last_line(summary))
        except (InputError, RequestError) as error:
            code, message, members = parts_of(error)
            limited.counts["code"] = code
            if is_ndjson:
                own = error.problem.to_dict() if isinstance(error, InputError) else {"message": message, **members}
                yield ndjson.error_line({"code": code, **own})
            raise CutShortError from error
