"""The quick functions of columns against the plain ones that they replace."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bulk.arrow import from_numpy, join_texts
from model.bulk.score import bins_of, probabilities
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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.integers(0, 2))
def test_the_texts_of_an_array_are_joined_from_where_it_starts(texts, start):
    array = pa.array(texts, pa.string()).slice(min(start, len(texts)))

    assert join_texts(array) == "".join(texts[start:]).encode()


@pytest.mark.parametrize(
    "values", [np.array([True, False, True] * 7), np.arange(5), np.arange(9)[::2], np.linspace(0, 1, 5)]
)
def test_numbers_and_booleans_are_the_same_in_an_array(values):
    assert from_numpy(values).to_pylist() == values.tolist()
