"""GET /metrics of the server: requests, times and rows, summed over its processes. Imported by app/wiring.py only.

All figures come from the log line of a request, so they hold no customer data and no path, only patterns of routes.
prometheus_client decides when it is imported whether processes share their counts: see `settings.share_metrics`.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app import log
from app.web.request_logging import WRITE_LINE
from model.scorecard import Scorer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH: Final = "/metrics"
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""From one customer (about a millisecond) to millions of rows."""

_FILES: Final = ("counter", "histogram", "gauge_livesum", "gauge_max")
_FILE_BYTES: Final = 1 << 20
"""The names of prometheus_client's files, and their first length."""

_METHODS: Final = {"GET", "HEAD", "POST", "OPTIONS"}


class Metrics:
    """The figures of one process, and the sum over all that share a folder.

    Parameters
    ----------
    scorer : Scorer
        The model, which is named.
    folder : str, optional
        Where processes share their counts; if none, this one's are all there are.
    """

    def __init__(self, scorer: Scorer, folder: str | None = None) -> None:
        self._folder, self._has_space = folder, True
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "churn_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._problems = Counter("churn_problems", "Answers that were problems.", ["code"], registry=registry)
        self._seconds = Histogram(
            "churn_request_seconds",
            "Time until the last byte of an answer.",
            ["route"],
            registry=registry,
            buckets=BUCKETS_S,
        )
        self._rows = Counter("churn_rows", "Rows of files and lists.", ["outcome"], registry=registry)
        self._drift = Gauge(
            "churn_drift_psi",
            "Population stability index of the last file with at least 500 customers: its greatest, and its score's.",
            ["of"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._processes = Gauge(
            "churn_processes", "Processes that answer.", registry=registry, multiprocess_mode="livesum"
        )
        model = Gauge(
            "churn_model_info",
            "The model that is served.",
            ["version", "sha256"],
            registry=registry,
            multiprocess_mode="max",
        )
        model.labels(scorer.version, scorer.sha256).set(1)

    def begin(self) -> None:
        """Count this process among those that answer, if there is disk space for its counts.

        The space is reserved now: the files are mapped into memory, and if the disk is full when a page is first
        written, the kernel kills the process.
        """
        if self._folder:
            try:
                for kind in _FILES:
                    (Path(self._folder) / f"{kind}_{os.getpid()}.db").write_bytes(bytes(_FILE_BYTES))
            except OSError as error:
                log.write_failure(error)
                self._has_space = False
                return
        self._processes.set(1)

    def end(self, pid: int) -> None:
        """Remove the process `pid` from those that answer; its counts stay."""
        if self._folder:
            mark_process_dead(pid, self._folder)  # type: ignore[no-untyped-call]

    def report(self, **line: Any) -> None:
        """Write the log line of a request, and count it."""
        log.write(**line)
        if not self._has_space:
            return
        # The folder may be full or gone; the answer goes out all the same.
        with contextlib.suppress(OSError):
            self._count(line)

    def _count(self, line: dict[str, Any]) -> None:
        method, route, code = line.get("method"), line.get("route") or "none", line.get("code")
        self._requests.labels(method if method in _METHODS else "other", route, str(line["status"])).inc()
        if code:
            self._problems.labels(code).inc()
        if "ms" in line:
            self._seconds.labels(route).observe(line["ms"] / 1000)
        if "rows_in" in line:
            rejected = line.get("rows_rejected", 0)
            self._rows.labels("scored").inc(line["rows_in"] - rejected)
            self._rows.labels("rejected").inc(rejected)

        if "drift_max" in line:
            self._drift.labels("greatest").set(line["drift_max"])
            self._drift.labels("score").set(line["score_psi"])

    def page(self) -> Response:
        """Answer with all figures in the text format of Prometheus."""
        registry = self._registry
        if self._folder:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    def install(self, app: Flask) -> None:
        """Count the requests of `app`, and add the route."""
        inner = app.wsgi_app

        def counted(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            environ[WRITE_LINE] = self.report
            return inner(environ, start_response)

        app.wsgi_app = counted  # type: ignore[method-assign]
        app.add_url_rule(PATH, "metrics", self.page)
