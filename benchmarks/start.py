"""From the start to the first answer of Lambda's handler, compared with importing Flask and with the naive design."""

from benchmarks.measure import Result, compared, in_turn, run_to

PAIRS = 15
NAIVE_PAIRS = 5

FLOOR = "import flask, serverless_wsgi"
ASK = """
from benchmarks.example_request import event
answer = {module}.handler(event())
assert answer["statusCode"] == 200, answer
"""
OURS = "import handler" + ASK.format(module="handler")
NAIVE = "from benchmarks import naive" + ASK.format(module="naive")


def measure() -> list[Result]:
    """Return the ratios of CPU seconds, each process's own from its start."""
    floor = in_turn({"ours": lambda: run_to(OURS), "floor": lambda: run_to(FLOOR)}, PAIRS)
    naive = in_turn({"ours": lambda: run_to(OURS), "naive": lambda: run_to(NAIVE)}, NAIVE_PAIRS)
    return [
        compared("cold start / import flask", floor["ours"], floor["floor"], must=1.4, aim=1.15),
        compared("cold start / naive", naive["ours"], naive["naive"], must=1 / 6, aim=1 / 10),
    ]
