"""One script for each claim, compared with the naive design in the same run: `python -m benchmarks`."""
