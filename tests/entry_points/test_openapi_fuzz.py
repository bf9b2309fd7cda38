"""Requests made up from the API description, right and wrong ones: every answer must be one that is described."""

import gzip
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from shipped import SCHEMA

from app.settings import Settings
from app.web import create_app
from model import artifact
from model.describe import template

load_all_checks()

LEFT_OUT = {
    # The entry points accept more than the description states, on purpose: words in any case, numbers as text, 0 and 1.
    "negative_data_rejection",
    # A null TotalCharges next to a tenure that is not 0 fits the schema; and a made-up CSV is seldom a good one.
    "positive_data_acceptance",
}

HEADER, ROW = template(SCHEMA).splitlines()
CELLS = st.sampled_from([*ROW.split(","), "", " ", "-1", "nan", "1e999", '"', "é", "\0", "=1+1"])
LINES = st.one_of(st.just(ROW), st.lists(CELLS, min_size=9, max_size=12).map(",".join), st.text(max_size=40))
FILES = st.builds(
    lambda header, lines: "\n".join([header, *lines]).encode("utf-8", "replace"),
    st.sampled_from([HEADER, HEADER, HEADER.replace(",", ";"), "a,b", ""]),
    st.lists(LINES, max_size=8),
)
schemathesis.openapi.media_type("text/csv", FILES)
schemathesis.openapi.media_type("application/gzip", st.one_of(FILES.map(gzip.compress), st.binary(max_size=50)))

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "50"))
"""For each route, next to those that schemathesis counts out; 2,000 in `make soak`."""

description = schemathesis.openapi.from_wsgi("/openapi.json", create_app(artifact.load(), Settings()))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@description.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_what_is_made_up_from_the_description_is_answered_as_described(case):
    case.call_and_validate(excluded_checks=[CHECKS.get_one(name) for name in LEFT_OUT])
