"""The work of one worker of a cluster on its part of a job, from record batches to record batches. Knows no Spark.

The input is lines of files, whole files or rows of a table; the output is predictions, rejects, and at the end the
counts of the part, each marked by its `kind`. Rows have no numbers, since a part does not know its position in a file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrow import join_texts
from model.bulk.arrow_writer import KIND, PREDICTIONS, REJECTS, ArrowWriter
from model.bulk.block import Block
from model.bulk.columns import Columns
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.encoding import Utf8Search, Utf8Stream, error_handler
from model.bulk.reader import Reader, check_utf8, to_utf8
from model.bulk.records import MAX_RECORD_BYTES, Records
from model.bulk.run import Run
from model.bulk.score import BulkScorer
from model.bulk.source import FileLimits, Readable
from model.bulk.summary import Summary
from model.bulk.table import TableRecords
from model.errors import InputError
from model.outputs import OutputOptions
from model.schema import Schema
from model.scorecard import Scorer

VALUE: Final = "value"
COUNTS, FAILURES = "counts", "failures"
"""More kinds of output rows; these are JSON."""

_LF: Final = ord("\n")
_CUT: Final = ("utf-8", "latin-1", "cp1252")
"""Encodings in which a line end is one byte with no other meaning, so that a file may be cut at it."""


@dataclass(frozen=True)
class Work:
    """What a worker needs in addition to its rows; it is sent pickled.

    Attributes
    ----------
    scorer : Scorer
    population : dict or None
        The content of population.json: the folder of the scorer is on another machine.
    options : OutputOptions
    limits : FileLimits
    charset : str or None
    typed : bool
        Whether predictions and rejects leave as typed columns, for Parquet, and not as lines of CSV.
    """

    scorer: Scorer
    population: Mapping[str, Any] | None
    options: OutputOptions
    limits: FileLimits
    charset: str | None
    typed: bool

    def summary(self) -> Summary:
        """Return a fresh summary."""
        return Summary(self.scorer, population=self.population, numbered=False)


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Attributes
    ----------
    header : tuple of str
    positions : tuple of (str, int)
        The index of each column of the schema.
    delimiter : str
    encoding : str
    lines_above : int
        Line feeds above the first row.
    blank_lines : int
        How many of those lines are blank.
    has_lines : bool
        Whether the file may be cut at line feeds.
    is_sure : bool
        Whether the encoding was declared, marked or proved by the beginning of the file; if not, its parts must not
        contradict it.
    """

    header: tuple[str, ...]
    positions: tuple[tuple[str, int], ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    lines_above: int = 0
    blank_lines: int = 0
    has_lines: bool = False
    is_sure: bool = True

    def columns(self, schema: Schema) -> Columns:
        """Return what parses the rows of one file."""
        return Columns(schema, list(self.header), dict(self.positions), self.delimiter, id_required=False)


def look(source: Readable, work: Work) -> tuple[Layout, list[str]]:
    """Return the layout of a file, from its beginning, and notes about it.

    Raises
    ------
    InputError
        Whatever is wrong with the start of the file.
    """
    # Workers read the rest, in parts; searching all of it here would read every file twice.
    text = Utf8Stream(source, work.charset, work.limits, looks_ahead=False)
    reader = Reader(text, next_row=lambda: 1, schema=work.scorer.schema)
    layout = Layout(
        header=tuple(reader.header.names),
        positions=tuple(reader.header.positions.items()),
        delimiter=reader.header.delimiter,
        encoding=text.encoding,
        lines_above=reader.above.count(b"\n"),
        blank_lines=reader.header.blank_lines,
        has_lines=text.encoding in _CUT and reader.above.endswith(b"\n"),
        is_sure=text.is_sure,
    )
    return layout, [*text.notes, *reader.notes]


def score_lines(batches: Iterable[Any], layout: Layout, work: Work) -> Iterator[Any]:
    """Score lines of files of one layout, without their line feeds.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Columns: the line, a number for its file, and where in the file the piece starts that the line belongs to.
        Lines of a piece follow each other in file order.
    """
    part = _Part(work, layout)
    piece: _Piece | None = None
    for batch in batches:
        lines, files, starts = (batch.column(index) for index in range(3))
        origins = np.stack([files.to_numpy(), starts.to_numpy()])
        for low, high in _stretches(origins):
            file, start = origins[:, low].tolist()
            if piece is None or (piece.file, piece.start) != (file, start):
                piece = _Piece(part, layout, file, start)
            yield from piece.score(lines.slice(low, high - low))
    yield part.end()


def score_files(batches: Iterable[Any], layout: Layout, work: Work) -> Iterator[Any]:
    """Score whole files of one layout; the columns are the number of a file, and its bytes."""
    part = _Part(work, layout)
    for batch in batches:
        for index in range(batch.num_rows):
            counted = work.summary()
            source = pa.BufferReader(batch.column(1)[index].as_buffer())
            try:
                run = Run(source, work.scorer, work.charset, work.limits, summary=counted)
                for block in run:
                    yield part.rows(block)
            except InputError as error:
                yield part.failure(batch.column(0)[index].as_py(), 0, error)
            part.summary.merge(counted.state())
    yield part.end()


def score_rows(batches: Iterable[Any], layout: Layout, work: Work) -> Iterator[Any]:
    """Score rows of a table, whose columns are those of the layout."""
    part = _Part(work, layout)
    columns = layout.columns(work.scorer.schema)
    for batch in batches:
        if batch.num_rows:
            yield part.score(columns.parse_table(TableRecords(batch.columns), first_row=1))
    yield part.end()


def _stretches(origins: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return from where to where neighbours are equal."""
    if not origins.shape[1]:
        return []
    cuts = np.flatnonzero((origins[:, 1:] != origins[:, :-1]).any(axis=0)) + 1
    bounds = [0, *cuts.tolist(), origins.shape[1]]
    return list(pairwise(bounds))


class _Piece:
    """A stretch of one file on its way through a part."""

    def __init__(self, part: "_Part", layout: Layout, file: int, start: int) -> None:
        self.file = file
        self.start = start
        self._part = part
        self._layout = layout
        self._columns = layout.columns(part.schema)
        self._above = 0 if start else layout.lines_above
        self._rows = 0
        self._has_failed = False
        if not start:
            part.summary.blank_lines += layout.blank_lines

    def score(self, lines: Any) -> Iterator[Any]:
        """Score the next lines; what is wrong with the file itself ends it."""
        above = min(self._above, len(lines))
        self._above -= above
        lines = lines.slice(above)
        if self._has_failed or not len(lines):
            return
        try:
            block = self._parse(lines)
        except InputError as error:
            self._has_failed = True
            yield self._part.failure(self.file, self.start, error)
            return
        self._rows += block.rows
        if self._columns.decimal_mark:
            self._part.marks[self.file, self._columns.decimal_mark] = None
        yield self._part.score(block)

    def _parse(self, lines: Any) -> Block:
        data = join_texts(pc.binary_join_element_wise(lines, "", "\n"))
        if self._layout.encoding != "utf-8":
            if not self._layout.is_sure and Utf8Search().feed(data, final=True):
                raise InputError("two_encodings")
            data = data.decode(self._layout.encoding, error_handler(self._layout.encoding)).encode()
        records = Records(data, self._layout.delimiter)
        if b'"' in data:
            codes = np.frombuffer(data, np.uint8)
            if np.count_nonzero(codes[records.ends - 1] == _LF) != len(lines):
                raise InputError("quoted_line_end")
        if len(data) > MAX_RECORD_BYTES and np.diff(records.ends, prepend=0).max() > MAX_RECORD_BYTES:
            raise InputError("record_too_long", row=self._rows + 1, limit=f"{MAX_RECORD_BYTES:,}")
        strays: dict[int, str] = {}
        if self._layout.is_sure:
            records, strays = to_utf8(records, self._layout.encoding, self._rows + 1)
        else:
            check_utf8(records, self._layout.encoding, self._rows + 1)
        return self._columns.parse(records, self._rows + 1, strays)


class _Part:
    """The output of one part."""

    def __init__(self, work: Work, layout: Layout) -> None:
        self.schema = work.scorer.schema
        self.summary = work.summary()
        self.marks: dict[tuple[int, str], None] = {}
        self._scorer = BulkScorer(work.scorer)
        self._predictions = Predictions(work.scorer, work.options, numbered=False)
        self._rejects = Rejects(list(layout.header), layout.delimiter, numbered=False)
        self._typed = ArrowWriter(work.scorer, work.options) if work.typed else None
        self._headed: set[object] = set()

    def score(self, block: Block) -> Any:
        """Score and count a block, and return its rows."""
        self._scorer.score(block)
        self.summary.add(block)
        return self.rows(block)

    def rows(self, block: Block) -> Any:
        """Return the rows of a scored block."""
        if self._typed:
            return self._typed.rows(block)
        texts = {}
        if block.rows:
            texts[PREDICTIONS] = self._under_header(self._predictions, block)
        if block.problems:
            texts[REJECTS] = self._under_header(self._rejects, block)
        return _lines(texts)

    def _under_header(self, writer: Predictions | Rejects, block: Block) -> bytes:
        """Return the lines of a block as one text, the first of a part below the header."""
        head = b"" if writer in self._headed else writer.header
        self._headed.add(writer)
        return (head + writer.lines(block)).removesuffix(b"\n")

    def failure(self, file: int, start: int, error: InputError) -> Any:
        """Return what is wrong with a file."""
        return self._message(FAILURES, {"file": file, "start": start, "message": str(error)})

    def end(self) -> Any:
        """Return the counts of the part."""
        counts = self._message(COUNTS, {"summary": self.summary.state(), "marks": list(self.marks)})
        if self._typed or self._predictions in self._headed:
            return counts
        return pa.concat_batches([counts, _lines({PREDICTIONS: self._predictions.header.removesuffix(b"\n")})])

    def _message(self, kind: str, document: Mapping[str, Any]) -> Any:
        text = json.dumps(document)
        return self._typed.message(kind, text) if self._typed else _lines({kind: text.encode()})


def _lines(texts: Mapping[str, bytes]) -> Any:
    offsets = np.cumsum([0, *map(len, texts.values())], dtype=np.int32)
    text = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts.values())))
    return pa.RecordBatch.from_arrays([pa.array(list(texts), pa.string()), text], [KIND, VALUE])
