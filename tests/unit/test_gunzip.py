"""gzip is read as Python's own module reads it, and checked for size, members, headers and padding."""

import gzip
import io
import json
import random

import pytest
from costs import CSV, HEADER, ROW, check, cost_of, repeated

from model.bulk.run import Run
from model.bulk.source import CountedSource, FileLimits, GzipSource
from model.errors import InputError


def read(compressed: bytes, size: int = 1 << 20, ratio: int = 1000) -> bytes:
    file = GzipSource(CountedSource(io.BytesIO(compressed), None), ratio)
    return b"".join(iter(lambda: file.read(size), b""))


HEAD_OF_GZIP = b"\x1f\x8b\x08\x08" + bytes(6)
FRAMES = {
    "a name of megabytes": HEAD_OF_GZIP + b"a" * 5_000_000 + b"\0" + gzip.compress(HEADER.encode())[10:],
    "zeros behind it": gzip.compress(f"{HEADER}\na,{ROW}\n".encode()) + bytes(5_000_000),
    "empty members": gzip.compress(f"{HEADER}\na,{ROW}\n".encode()) + gzip.compress(b"") * 250_000,
    "members of one byte": gzip.compress(f"{HEADER}\na,{ROW}\n".encode()) + gzip.compress(b"\n") * 200_000,
}


@pytest.mark.no_cover
@pytest.mark.parametrize("body", FRAMES.values(), ids=FRAMES)
def test_gzip_without_content_is_no_work_without_a_limit(client, body):
    check(client, body, decompressed=0)

    seconds, _, answer, text = cost_of(client, "/v2/batches", "", CSV, body, CSV)

    assert (answer.status_code, json.loads(text)["code"]) == (422, "damaged_gzip")
    assert seconds < 0.5


def test_gzip_in_many_members_and_with_some_padding_is_read_whole(toy_scorecard):
    lines = [f"{number},{ROW}\n".encode() for number in range(20_000)]
    body = b"".join(map(gzip.compress, [f"{HEADER}\n".encode(), *lines])) + bytes(10_000)

    run = Run(io.BytesIO(body), toy_scorecard)

    assert sum(block.rows for block in run) == run.rows_scored == 20_000


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_a_gzip_file_decompresses_to_fifty_times_what_was_read_of_it_and_64_kib(size):
    compressed = gzip.compress(b"\n" * 5_000_000)
    counted = CountedSource(io.BytesIO(compressed), None)
    file = GzipSource(counted, 50)

    with pytest.raises(InputError, match="50 times"):
        list(iter(lambda: file.read(size), b""))
    assert file.bytes_read <= 50 * counted.bytes_read + 65_536


def test_a_small_gzip_file_of_equal_rows_is_checked_against_the_ratio_too(toy_scorecard):
    with pytest.raises(InputError, match="CHURN_MAX_GZIP_RATIO"):
        Run(io.BytesIO(gzip.compress(repeated(f"a,{ROW}\n"))), toy_scorecard)
    run = Run(io.BytesIO(gzip.compress(repeated(f"a,{ROW}\n"))), toy_scorecard, limits=FileLimits(max_gzip_ratio=1000))

    assert sum(block.rows for block in run) > 4_000


def test_members_of_any_kind_are_read_as_by_python_s_own_module():
    chance = random.Random(16)
    for _ in range(200):
        parts = [chance.randbytes(chance.choice((0, 1, 50, 3000))) + b"a" * 40 for _ in range(chance.randint(1, 5))]
        compressed = b"".join(gzip.compress(part, chance.randint(0, 9)) for part in parts) + bytes(
            chance.choice((0, 7))
        )

        assert read(compressed, chance.choice((1, 13, 1 << 20))) == gzip.decompress(compressed) == b"".join(parts)


def test_a_file_that_is_cut_anywhere_is_cut_off_or_whole_up_to_there():
    first, second = gzip.compress(b"first"), gzip.compress(b"second")
    for length in range(1, len(first) + len(second)):
        if length == len(first):
            assert read((first + second)[:length]) == b"first"
        else:
            with pytest.raises(InputError) as caught:
                read((first + second)[:length])
            # One byte of the next member could be anything.
            assert caught.value.problem.code == ("damaged_gzip" if length == len(first) + 1 else "truncated_gzip")


@pytest.mark.parametrize("rest", [b"\n", b"\0\0x", b"customerID"])
def test_what_follows_the_end_of_gzip_is_named(rest):
    with pytest.raises(InputError, match=r"what follows its end is no gzip\. Send it again, or decompressed"):
        read(gzip.compress(b"a") + rest)


def test_a_wrong_checksum_is_found():
    with pytest.raises(InputError, match="damaged"):
        read(gzip.compress(b"a")[:-8] + bytes(8))
