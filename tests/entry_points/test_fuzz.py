"""Hostile bytes at every entry point: stored findings, the files of other tests, and mutations by hypothesis."""

import os

import fuzzers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "100"))
"""Mutations for each target; 2,000 in `make soak`. `make fuzz` goes on by coverage, for as long as you ask."""

PIECES = [
    *(
        b"",
        b"\0",
        b'"',
        b'""',
        b",",
        b";",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x1f\x8b",
    ),
    *(
        b"nan",
        b"1e999",
        b"9" * 500,
        b"{",
        b"[" * 300,
        b"}",
        b"null",
        b'"a":',
        b"\\ud800",
        b"=1+1",
        b"--cut\r\n",
        b"--cut--",
    ),
    *(
        "é".encode(),
        "\N{REPLACEMENT CHARACTER}".encode(),
        "１２".encode(),
        b"tenure",
        b"customerID",
        b"Records",
        b"aws:sqs",
    ),
]
CUTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.sampled_from(PIECES)), max_size=6)


def mutate(data: bytes, cuts: list[tuple[float, float, bytes]]) -> bytes:
    """Replace stretches of `data`, given as shares of its length, by pieces."""
    for position, share, piece in cuts:
        start = int(position * len(data))
        data = data[:start] + piece + data[start + int(share * len(data)) :]
    return data


@pytest.mark.parametrize("target", fuzzers.TARGETS)
def test_what_was_found_once_and_every_stored_file_keep_the_promises(target, capsys):
    for content in fuzzers.seeds(target).values():
        fuzzers.TARGETS[target](content)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", fuzzers.TARGETS)
def test_no_mutation_of_them_breaks_a_promise(target, capsys):
    seeds = list(fuzzers.seeds(target).values())

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from([seed for seed in seeds if len(seed) < 20_000]), CUTS, st.binary(max_size=4))
    def check(seed, cuts, front):
        fuzzers.TARGETS[target](front + mutate(seed, cuts) if len(front) == 4 else mutate(seed, cuts))

    check()
