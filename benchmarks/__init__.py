"""One script a claim, each beside its floor and the naive design in the same run. `python -m benchmarks` runs them."""
