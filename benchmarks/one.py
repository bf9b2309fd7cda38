"""Runs one benchmark in a process of its own and prints its results as JSON, in the last line.

Linux counts the peak of a parent among those of its children: what runs commands must not have pandas in its memory.

usage: python -m benchmarks.one NAME
"""

import importlib
import json
import sys
from dataclasses import asdict

print(json.dumps([asdict(each) for each in importlib.import_module(f"benchmarks.{sys.argv[1]}").measure()]))
