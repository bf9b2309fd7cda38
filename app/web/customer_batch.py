"""An uploaded CSV to the answer of /v1/customerbatch: read once, scored into a spool, sent only when all of it may be.

Imports model/bulk and with it numpy and pyarrow, so the batch view imports it when it is called.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

from flask import Response

from app.web.errors import RequestError
from app.web.file_limits import Work
from app.web.label_writers import Listing, Table, Writer
from app.web.problems import error_members
from app.web.responses import add_notes
from app.web.service import service
from model.errors import SHOWN_PROBLEMS, Problem

_SPOOL_BYTES: Final = 1024**2
"""Up to here an answer stays in memory: about 40,000 customers listed by id."""

_CHUNK_BYTES: Final = 64 * 1024
_ADVICE: Final = "add ?on_error=skip to score the other rows"


def score_file(file: BinaryIO, *, as_csv: bool, skip: bool, charset: str | None) -> Response:
    """Return the answer for a whole file.

    Raises
    ------
    InputError
        If the file cannot be read.
    RequestError
        bad_rows, unless `skip`; duplicate_id, in an answer listed by customerID; answer_too_large, too_much_work.
    """
    scorer = service().scorer
    writer = Table(scorer) if as_csv else Listing(scorer, skip)
    shorter = [writer.shorter] if writer.shorter else []
    work = Work(shorter, max_rows=None if as_csv else service().limits.max_listed_rows, skips_junk=True)
    run = work.open(file, scorer, charset, id_required=not as_csv)
    spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (the answer closes it when it is sent)
    try:
        _write(work, writer, spool, skip=skip)
        response = _send(spool, writer.media_type)
    except BaseException:
        spool.close()
        raise
    if skip:
        response.headers["X-Rejected-Rows"] = str(run.rows_rejected)
    add_notes(response, run.notes)
    return response


def _write(work: Work, writer: Writer, spool: IO[bytes], *, skip: bool) -> None:
    repeats: list[Problem] = []
    repeats_total = 0

    def pieces() -> Iterator[bytes]:
        nonlocal repeats, repeats_total
        yield work.sized(writer.header)
        for block in work.blocks():
            writer.note(block)
            if skip or not work.problems:
                yield from work.written(block, writer, is_plain=True)
        repeats, repeats_total = writer.repeats()
        yield work.sized(writer.footer)

    try:
        for piece in work.in_slots(pieces()):
            spool.write(piece)
    except RequestError:
        if skip or not work.problems:
            raise
        # What the answer is has been settled by the rows so far.
        raise work.bad_rows(_ADVICE, is_whole=False) from None
    if repeats:
        shown = sorted([*work.problems, *repeats], key=lambda each: each.row or 0)[:SHOWN_PROBLEMS]
        members = {**error_members(shown, work.problems_total + repeats_total), **work.counts}
        more = f" {repeats_total - 1:,} more rows repeat an earlier id." if repeats_total > 1 else ""
        raise RequestError("duplicate_id", members=members, detail=f"{repeats[0].message}{more}")
    if work.problems and not skip:
        raise work.bad_rows(_ADVICE, is_whole=True)


def _send(spool: IO[bytes], media_type: str) -> Response:
    length = spool.tell()
    spool.seek(0)
    response = Response(_chunks(spool), content_type=media_type)
    response.call_on_close(spool.close)
    response.content_length = length
    response.vary.add("Accept")
    return response


def _chunks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while chunk := spool.read(_CHUNK_BYTES):
            yield chunk
