"""From an uploaded CSV to the response of /v1/customerbatch: read once, scored into a spool, sent only when complete.

Imports model/bulk and with it numpy and pyarrow, so the view imports it when it is called.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

from flask import Response

from app.web.errors import ASK_FOR_JSON, RequestError
from app.web.file_limits import LimitedRun
from app.web.labels import LabelObject
from app.web.problems import error_members
from app.web.responses import CSV, JSON, SPOOL_BYTES, add_notes, read_spool
from app.web.service import service
from model.bulk.csv_writer import Predictions
from model.errors import SHOWN_PROBLEMS, Problem

_ADVICE: Final = "add ?on_error=skip to score the other rows"


def score_file(file: BinaryIO, *, as_csv: bool, skip: bool, charset: str | None) -> Response:
    """Return the response for a whole file.

    Raises
    ------
    InputError
        If the file cannot be read.
    RequestError
        bad_rows, unless `skip`; duplicate_id, in a response listed by id; answer_too_large, too_much_work.
    """
    scorer, settings = service().scorer, service().settings
    # In a CSV the row identifies the customer, so ids may repeat.
    writer = Predictions(scorer) if as_csv else LabelObject(scorer, skip)
    max_rows = None if as_csv else settings.max_listed_rows
    limited = LimitedRun([ASK_FOR_JSON] if as_csv else [], max_rows=max_rows, skips_junk=True)
    run = limited.open(file, scorer, charset, id_required=not as_csv and scorer.schema.id is not None)
    spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 (closed when the response is sent)
    try:
        _write(limited, writer, spool, skip=skip)
        response = _send(spool, f"{CSV}; charset=utf-8" if as_csv else JSON)
    except BaseException:
        spool.close()
        raise
    if skip:
        response.headers["X-Rejected-Rows"] = str(run.rows_rejected)
    add_notes(response, run.notes)
    return response


def _write(limited: LimitedRun, writer: Predictions | LabelObject, spool: IO[bytes], *, skip: bool) -> None:
    repeats: list[Problem] = []
    repeats_total = 0

    def pieces() -> Iterator[bytes]:
        nonlocal repeats, repeats_total
        yield limited.check_size(writer.header)
        for block in limited.blocks():
            if isinstance(writer, LabelObject):
                writer.add_ids(block)
            if skip or not limited.problems:
                yield from limited.write(block, writer, is_plain=True)
        if isinstance(writer, LabelObject):
            repeats, repeats_total = writer.repeated_ids()
            yield limited.check_size(writer.footer)

    try:
        for piece in limited.in_slots(pieces()):
            spool.write(piece)
    except RequestError:
        if skip or not limited.problems:
            raise
        # The rows so far decide that the file is refused.
        raise limited.bad_rows(_ADVICE, is_whole=False) from None
    if repeats:
        shown = sorted([*limited.problems, *repeats], key=lambda problem: problem.row or 0)[:SHOWN_PROBLEMS]
        members = {**error_members(shown, limited.problems_total + repeats_total), **limited.counts}
        more = f" {repeats_total - 1:,} more rows repeat an earlier id." if repeats_total > 1 else ""
        raise RequestError("duplicate_id", members=members, detail=f"{repeats[0].message}{more}")
    if limited.problems and not skip:
        raise limited.bad_rows(_ADVICE, is_whole=True)


def _send(spool: IO[bytes], media_type: str) -> Response:
    length = spool.tell()
    response = Response(read_spool(spool), content_type=media_type)
    response.call_on_close(spool.close)
    response.content_length = length
    response.vary.add("Accept")
    return response
