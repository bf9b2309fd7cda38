"""Where records end: the fast way, the careful way and the csv module agree."""

import csv

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.bulk.records import Records, find_ends, is_blank, scan, split

PIECES = st.lists(
    st.sampled_from(['"', '""', ",", ";", "\t", "\r", "\n", "\r\n", " ", "a", "bc", "é", "\0"]), max_size=40
)


def records_of(data: bytes, delimiter: str = ",") -> list[bytes]:
    records = Records(data, delimiter)
    return [records[index] for index in range(records.count)]


@given(PIECES.map("".join), st.sampled_from(",;\t"))
@example('a,"b\nc"\n', ",")
@example('5" pipe,1\n6" pipe,2\n', ",")
@example('"a""b"\r\n"c"d"e",\n', ",")
def test_the_fast_way_finds_the_ends_that_walking_finds(text, delimiter):
    data = text.encode()

    assert find_ends(data, delimiter).tolist() == scan(data, delimiter)[0]


@given(PIECES.map("".join), st.sampled_from(",;\t"))
def test_records_hold_the_cells_that_the_csv_module_reads(text, delimiter):
    data = text.encode()
    ends, _ = scan(data, delimiter)
    whole = data[: ends[-1]].decode() if ends else ""

    cells = [split(record, delimiter) for record in records_of(whole.encode(), delimiter)]

    # The csv module wants lines, and takes a carriage return alone for an end only where the lines are cut there.
    lines = [record.decode().rstrip("\r\n") + "\n" for record in records_of(whole.encode(), delimiter)]
    assert [row for row in cells if row] == [row for row in csv.reader(lines, delimiter=delimiter) if row]


@given(PIECES.map("".join))
def test_field_counts_are_those_of_the_split_cells(text):
    records = Records(text.encode(), ",")

    assert records.field_counts().tolist() == [len(split(records[i], ",")) for i in range(records.count)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\nc,d\n", [b"a,b\n", b"c,d\n"]),
        (b"a,b\r\nc,d\r\n", [b"a,b\r\n", b"c,d\r\n"]),
        (b"a,b\rc,d\r", [b"a,b\r", b"c,d\r"]),
        (b"a\r\r\nb\n", [b"a\r", b"\r\n", b"b\n"]),
        (b'"a\r\nb",1\nc,2\n', [b'"a\r\nb",1\n', b"c,2\n"]),
        (b'a,"b""\n",1\n', [b'a,"b""\n",1\n']),
        (b'5" pipe\n6" pipe\n', [b'5" pipe\n', b'6" pipe\n']),
        (b"", []),
    ],
    ids=["lf", "crlf", "cr", "cr before crlf", "quoted crlf", "doubled quote", "stray quotes", "nothing"],
)
def test_a_record_ends_where_its_line_ends_outside_quotes(data, expected):
    assert records_of(data) == expected


@pytest.mark.parametrize("record", [b"\n", b"  \t\r\n", b",,,\n", b" , ,\n"])
def test_a_record_of_white_space_and_separators_is_blank(record):
    assert is_blank(record, ",")


@pytest.mark.parametrize("record", [b'"",""\n', b"0\n", b";;\n"])
def test_a_record_that_holds_anything_else_is_not(record):
    assert not is_blank(record, ",")
