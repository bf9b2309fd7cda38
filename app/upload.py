"""An uploaded CSV to the answer of /v1/customerbatch: read once, scored into a spool, sent only when all of it may be.

Imports model/bulk and with it numpy and pyarrow, so the batch view imports it when it is called.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

from flask import Response, g

from app.listing import Listing, Table, Writer
from app.problems import RequestError, errors_of, shorten
from app.service import service
from model.bulk.run import Limits, Run
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
        bad_rows, unless `skip`; duplicate_id, in an answer listed by customerID; answer_too_large.
    """
    scorer, settings = service().scorer, service().limits
    limits = Limits(
        max_bytes=settings.max_upload_bytes,
        max_gzip_ratio=settings.max_gzip_ratio,
        max_rows=None if as_csv else settings.max_listed_rows,
    )
    run = Run(file, scorer, charset=charset, limits=limits, id_required=not as_csv)
    writer = Table(scorer) if as_csv else Listing(scorer)
    spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (the answer closes it when it is sent)
    try:
        _write(run, writer, spool, skip=skip)
        response = _send(spool, writer.media_type)
    except BaseException:
        spool.close()
        raise
    if skip:
        response.headers["X-Rejected-Rows"] = str(run.rows_rejected)
    if run.notes:
        response.headers["X-Notes"] = " ".join(run.notes)
    return response


def _write(run: Run, writer: Writer, spool: IO[bytes], *, skip: bool) -> None:
    problems: list[Problem] = []
    total, max_bytes = 0, service().limits.max_upload_bytes
    spool.write(writer.header)
    for block in run:
        for index, found in block.problems.items():
            total += len(found)
            if len(problems) < SHOWN_PROBLEMS:
                problems.extend(block.located(index)[: SHOWN_PROBLEMS - len(problems)])
        writer.note(block)
        if skip or not total:
            spool.write(writer.lines(block))
        # A packed file of equal rows unpacks 200 times, and its answer would fill the disk.
        if spool.tell() > max_bytes:
            raise RequestError("answer_too_large", limit=max_bytes, advice=shorten(writer.shorter, service().larger))
    spool.write(writer.footer)
    g.counts = {"rows_in": run.rows_in, "rows_rejected": run.rows_rejected}
    repeats, repeats_total = writer.repeats()
    if repeats or (total and not skip):
        shown = sorted([*problems, *repeats], key=lambda each: each.row or 0)[:SHOWN_PROBLEMS]
        members = {**errors_of(shown, total + repeats_total), **g.counts}
        if not repeats:
            parts = {"first": shown[0], "listed": len(shown), "total": total, "advice": _ADVICE}
            raise RequestError("bad_rows", members=members, **parts, **g.counts)
        more = f" {repeats_total - 1:,} more rows repeat an earlier id." if repeats_total > 1 else ""
        raise RequestError("duplicate_id", members=members, first=repeats[0].message, more=more)


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
