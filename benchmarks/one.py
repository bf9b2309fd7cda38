"""Runs one benchmark in a process of its own and prints its results as JSON, in the last line.

Linux counts the peak of a parent among those of its children, so a process that runs commands must not import pandas.

usage: python -m benchmarks.one NAME
"""

import importlib
import json
import sys
from dataclasses import asdict

print(json.dumps([asdict(result) for result in importlib.import_module(f"benchmarks.{sys.argv[1]}").measure()]))
