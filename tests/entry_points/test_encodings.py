"""Which encoding a file is read in: the whole file decides, however it arrives, and in whatever order its rows are."""

import gzip
import io
import itertools
import json
import secrets

import pyarrow as pa
import pytest
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from app.jobs.local import score_file
from app.jobs.s3 import handle
from app.jobs.scoring import Scoring
from model.bulk import cluster
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.encoding import Utf8Stream
from model.bulk.run import FileLimits, Run
from model.bulk.unchanged import Unchanged
from model.errors import InputError
from model.outputs import OutputOptions

HEADER = ",".join([CUSTOMER_ID, *NAMES, "Remark"]) + "\n"
CELLS = ",".join(str(EXAMPLE[name]) for name in NAMES)
NOTE = "The file is not UTF-8; it was read as Windows-1252."


def row(identity: str, remark: str = "", encoding: str = "utf-8") -> bytes:
    return f"{identity},{CELLS},{remark}\n".encode(encoding)


PLAIN = row("plain")
MANY = PLAIN * 16_000
"""More than 1 MiB of ASCII."""
UTF8 = row("Zoë", "fine")
STRAY = row("stray", "café", "latin-1")


class Pipe:
    """A source that can be read only once, as standard input is."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, 100_003))


class Outcome:
    def __init__(self, source, scorer, **options) -> None:
        # Rows that are all alike compress further than the files of customers do.
        run = Run(source, scorer, limits=FileLimits(max_gzip_ratio=1000), **options)
        self.ids, self.bad = [], {}
        writers = Predictions(scorer), Rejects(run.header, run.delimiter)
        self.files = [writer.header for writer in writers]
        for block in run:
            self.ids += block.ids.to_pylist()
            self.bad |= {block.first_row + position: block.located(position) for position in block.problems}
            self.files = [file + writer.lines(block) for file, writer in zip(self.files, writers, strict=True)]
        self.notes, self.summary = run.notes, run.summary()

    @property
    def codes(self) -> dict[int, list[str]]:
        return {row: [item.code for item in result] for row, result in self.bad.items()}


SOURCES = [
    pytest.param(io.BytesIO, id="file"),
    pytest.param(Pipe, id="pipe"),
    pytest.param(lambda data: io.BytesIO(gzip.compress(data)), id="gzip file"),
    pytest.param(lambda data: Pipe(gzip.compress(data)), id="gzip pipe"),
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("between", [b"", MANY], ids=["near", "a mebibyte apart"])
@pytest.mark.parametrize("order", list(itertools.permutations((UTF8, STRAY, PLAIN))), ids=lambda _: "")
def test_one_stray_byte_leaves_a_file_utf_8_and_rejects_its_row(toy_scorecard, source, between, order):
    data = HEADER.encode() + between.join(order)

    actual = Outcome(source(data), toy_scorecard)

    assert sorted(set(actual.ids)) == ["Zoë", "plain", "stray"]
    assert list(actual.codes.values()) == [["stray_byte"]]
    (number,) = actual.codes
    assert actual.ids[number - 1] == "stray"
    assert actual.summary["rows_in"] == actual.summary["rows_scored"] + 1
    assert actual.notes == []


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("above", [b"", MANY], ids=["first", "after a mebibyte"])
def test_without_a_letter_in_utf_8_a_file_is_windows_1252_wherever_its_first_accent_is(toy_scorecard, source, above):
    data = HEADER.encode() + above + STRAY + row("Müller €", encoding="cp1252") + PLAIN

    actual = Outcome(source(data), toy_scorecard)

    assert actual.ids[-3:] == ["stray", "Müller €", "plain"]
    assert (actual.codes, actual.notes) == ({}, [NOTE])


@pytest.mark.parametrize("cut", range(-3, 4))
def test_a_letter_that_a_read_cuts_in_two_is_whole(toy_scorecard, cut, monkeypatch):
    monkeypatch.setattr("model.bulk.encoding.MIB", 1 << 12)
    monkeypatch.setattr("model.bulk.reader.HEADER_BYTES", 1 << 12)
    monkeypatch.setattr("model.bulk.reader.BLOCK_BYTES", 1 << 11)
    head = HEADER.encode() + PLAIN * 200
    offset = (1 << 12) - len(head) % (1 << 12) + cut
    data = head + row("x" * (offset % (1 << 12)) + "字") + STRAY

    for source in (io.BytesIO, Pipe):
        actual = Outcome(source(data), toy_scorecard)
        assert actual.ids[-2].endswith("x字")
        assert actual.codes == {202: ["stray_byte"]}


def test_the_row_with_a_stray_byte_is_named_with_the_byte_and_comes_back_readable(toy_scorecard):
    actual = Outcome(io.BytesIO(HEADER.encode() + UTF8 + STRAY), toy_scorecard)

    ((problem,),) = actual.bad.values()
    assert str(problem) == (
        "Row 2 (customerID stray): The row has bytes that are not UTF-8 (E9), although the file is UTF-8. Correct the "
        "character and save the file as UTF-8; if the whole file is Windows-1252, set that as its charset."
    )
    again = Outcome(io.BytesIO(actual.files[1]), toy_scorecard)
    assert (again.ids, again.codes) == (["stray"], {})
    assert "café" in actual.files[1].decode()


def test_a_row_with_a_stray_byte_has_its_other_errors_too(toy_scorecard):
    bad = STRAY.replace(b"Month-to-month", b"never")
    ragged = STRAY.removesuffix(b"\n") + b",more\n"

    actual = Outcome(io.BytesIO(HEADER.encode() + UTF8 + bad + ragged), toy_scorecard)

    assert actual.codes == {2: ["unknown_word", "stray_byte"], 3: ["field_count", "stray_byte"]}


def test_a_mark_or_a_declaration_of_utf_8_proves_it_as_well(toy_scorecard):
    marked = Outcome(io.BytesIO(b"\xef\xbb\xbf" + HEADER.encode() + PLAIN + STRAY), toy_scorecard)
    declared = Outcome(io.BytesIO(HEADER.encode() + PLAIN + STRAY), toy_scorecard, charset="UTF-8")

    assert marked.codes == declared.codes == {2: ["stray_byte"]}


def test_a_stray_byte_in_the_header_of_a_file_in_utf_8_is_an_error_of_the_file(toy_scorecard):
    header = HEADER.replace("Remark", "Größe").encode("latin-1")

    with pytest.raises(InputError, match="The header has bytes that are not UTF-8"):
        Outcome(io.BytesIO(header + MANY + UTF8), toy_scorecard)

    assert Outcome(io.BytesIO(header + PLAIN + STRAY), toy_scorecard).notes == [NOTE]


def test_a_gzip_file_cut_off_after_a_stray_byte_is_refused(toy_scorecard):
    data = gzip.compress(HEADER.encode() + STRAY + b"".join(row(secrets.token_hex(9)) for _ in range(9000)))[:-9]

    with pytest.raises(InputError, match="ends too early"):
        Outcome(io.BytesIO(data), toy_scorecard)


def test_plain_text_is_not_read_twice_and_a_decided_file_is_not_either():
    class Watched(io.BytesIO):
        seeks = 0

        def seek(self, *position: int) -> int:
            self.seeks += 1
            return super().seek(*position)

    for content, seeks in ((MANY, 0), (UTF8 + MANY + STRAY, 0), (MANY + STRAY, 2)):
        source = Watched(HEADER.encode() + content)
        text = Utf8Stream(source)
        while text.read(1 << 16):
            pass
        assert source.seeks == seeks


MIXED = HEADER.encode() + PLAIN + STRAY + MANY + UTF8


def test_every_entry_point_reads_a_file_with_a_stray_byte_alike(client, scorer, bucket, tmp_path):
    summary = score_file(Pipe(MIXED), "a.csv", tmp_path / "out", Scoring(scorer, OutputOptions(), FileLimits()))
    predictions = (tmp_path / "out" / "predictions.csv").read_bytes()
    lines: list[dict] = []
    handle(
        bucket.put("a.csv", MIXED),
        bucket.store(Scoring(scorer, OutputOptions(), FileLimits())),
        lambda: 9e5,
        lines.append,
    )

    assert (summary["rows_in"], summary["errors_by_code"]) == (16_003, {"stray_byte": 1})
    assert "Zoë".encode() in predictions
    assert bucket.results_of("a.csv")["predictions.csv"] == predictions
    assert client.post("/v2/batches", data=MIXED, content_type="text/csv").data == predictions
    # The form is written here, for Werkzeug's client leaks large ones.
    form = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + MIXED + b"\r\n--cut--\r\n"
    kind = {"Accept": "text/csv", "Content-Type": "multipart/form-data; boundary=cut"}
    answer = client.post("/v1/customerbatch", data=form, headers=kind)
    assert (answer.status_code, answer.json["errors"][0]["row"]) == (422, 2)
    assert client.post("/v1/customerbatch?on_error=skip", data=form, headers=kind).data == predictions


def test_a_second_look_at_an_object_keeps_the_deadline(scorer, bucket):
    left = iter([900_000, 900_000, 0])
    lines: list[dict] = []
    event = bucket.put("a.csv", HEADER.encode() + STRAY)

    with pytest.raises(Exception, match="before the deadline"):
        handle(event, bucket.store(Scoring(scorer, OutputOptions(), FileLimits())), lambda: next(left, 0), lines.append)

    assert lines[0]["status"] == "retry"


def parts(content: bytes, cut: int, scorer) -> dict[str, list[str]]:
    """What two workers make of a file that is cut in two after `cut` rows."""
    work = cluster.Work(scorer, None, OutputOptions(), FileLimits(), None, typed=False)
    layout, _ = cluster.look(io.BytesIO(content), work)
    lines = content.removesuffix(b"\n").split(b"\n")
    result: dict[str, list[str]] = {}
    for start, some in ((0, lines[: cut + 1]), (1, lines[cut + 1 :])):
        text = pa.array(some, pa.binary()).cast(pa.string(), safe=False)
        batch = pa.RecordBatch.from_arrays(
            [text, pa.array([7] * len(some)), pa.array([start] * len(some))], ["a", "b", "c"]
        )
        for created in cluster.score_lines([batch], layout, work):
            for kind, value in zip(created.column(0).to_pylist(), created.column(1).to_pylist(), strict=True):
                result.setdefault(kind, []).append(value)
    return result


def test_parts_of_a_file_in_utf_8_reject_the_row_with_a_stray_byte(scorer):
    actual = parts(HEADER.encode() + UTF8 + PLAIN + STRAY, 2, scorer)

    assert "failures" not in actual
    counts = [json.loads(count)["summary"] for count in actual["counts"]]
    assert [count["codes"] for count in counts] == [{}, {"stray_byte": 1}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            HEADER.encode() + STRAY + PLAIN * 16_000 + UTF8, "UTF-8 characters further on", id="as Windows-1252"
        ),
        pytest.param(HEADER.encode() + PLAIN * 16_000 + STRAY, "bytes that are not UTF-8", id="as ASCII"),
    ],
)
def test_a_part_that_contradicts_the_start_of_its_file_is_a_failure(scorer, content, words):
    actual = parts(content, 16_000, scorer)

    assert words in json.loads(actual["failures"][0])["message"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_of_this_machine_is_read_again_and_not_copied_aside(tmp_path, toy_scorecard, monkeypatch, compress):
    path = tmp_path / "list.csv"
    path.write_bytes(compress(HEADER.encode() + STRAY + MANY + UTF8))
    monkeypatch.setattr("model.bulk.encoding.BufferedSource", None)

    with path.open("rb") as file:
        actual = Outcome(Unchanged(file, path), toy_scorecard)

    assert (actual.codes, actual.ids[-1]) == ({1: ["stray_byte"]}, "Zoë")
