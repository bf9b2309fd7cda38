"""The quick ways of columns against the plain ways they are for."""

import numpy as np
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from model.bulk.arrays import bins_of, bits_of, octets_of, to_strings
from model.bulk.score import probabilities
from model.scorecard import probability

NUMBERS = st.floats(-1000, 1000)


@given(st.lists(NUMBERS, max_size=30), st.lists(NUMBERS, max_size=9, unique=True).map(sorted))
def test_bins_are_those_that_a_search_finds(values, edges):
    assert bins_of(np.array(values), edges).tolist() == np.searchsorted(edges, values, side="right").tolist()


def test_a_value_on_an_edge_reaches_it():
    assert bins_of(np.array([0.9, 1.0, 2.0, 5.0]), [1.0, 2.0]).tolist() == [0, 1, 2, 2]


def test_a_column_of_probabilities_has_the_bits_of_each_alone():
    log_odds = np.concatenate([np.random.default_rng(1).normal(size=50_000) * 4, [0.0, -0.0, 699.0, -699.0]])

    assert probabilities(log_odds).tolist() == [probability(item) for item in log_odds.tolist()]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_come_back_from_an_array_as_they_went_in(texts):
    array = to_strings(texts)

    assert array.to_pylist() == texts
    assert octets_of(array) == "".join(texts).encode()


def test_booleans_are_read_also_where_an_array_starts_inside_a_byte():
    is_long = pc.match_substring_regex(to_strings(["ab", "", "cd"] * 7), "..").slice(1)

    assert bits_of(is_long).tolist() == [False, True, True] * 6 + [False, True]
