"""What is lost in mid-job: one of the two workers of a standalone cluster on loopback, and the driver itself.

By spark-submit and the shipped zip, as a cluster is given them.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ports import free_port
from spark_results import lines_here, lines_of, need_java, summary_of

pytest.importorskip("pyspark", reason="pyspark has an environment of its own: make test-spark")

import pyspark
from shipped import COLUMNS

from app.jobs.spark_zip import ROOT, write_zip

HOME = Path(pyspark.__file__).parent
ROWS = 20_000
PART_BYTES = 50_000
START_S = 120
JOB_S = 200


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Nothing of this tree: what the cluster knows of it, it has from the zip."""
    need_java()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "JAVA_HOME", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "PYSPARK_PYTHON": sys.executable,
    }


class Cluster:
    """A master and two workers with a core each."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._processes: list[subprocess.Popen[bytes]] = []
        port = free_port()
        self.address = f"spark://127.0.0.1:{port}"
        self._start("master", "master.Master", "--port", str(port))
        for name in ("one", "two"):
            options = ["--cores", "1", "--memory", "640m", "--work-dir", str(folder / name), self.address]
            self._start(name, "worker.Worker", *options)
        for name in ("one", "two"):
            self._wait_for(name, "Successfully registered with master")

    def _start(self, name: str, kind: str, *options: str) -> None:
        words = [str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1"]
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [*words, "--webui-port", "0", *options],
                    env={**self._environment, "SPARK_NO_DAEMONIZE": "1"},
                    cwd=self._folder,
                    stdout=log,
                    stderr=log,
                    # Its executors are of its group, and are lost with it, as with a machine.
                    start_new_session=True,
                )
            )

    def _wait_for(self, name: str, text: str) -> None:
        deadline = time.monotonic() + START_S
        while text not in (self._folder / f"{name}.log").read_text(errors="replace"):
            assert time.monotonic() < deadline, (self._folder / f"{name}.log").read_text(errors="replace")
            time.sleep(0.1)

    def lose_a_worker(self) -> None:
        _kill(self._processes[-1])

    def stop(self) -> None:
        for process in reversed(self._processes):
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(tmp_path, environment) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, environment)
    yield cluster
    cluster.stop()


def write_customers(file: Path) -> None:
    """Customers made up from a seed, a twentieth of them wrong."""
    dice = random.Random(5)
    with file.open("w") as out:
        out.write(",".join(COLUMNS) + "\n")
        for number in range(ROWS):
            contract = dice.choice(
                ["Month-to-month", "One year", "Two year", "Two year", "Three year"][: 4 + (number % 4 == 0)]
            )
            charges = f"{dice.random() * 100:.2f},{dice.random() * 5000:.2f}"
            tenure = dice.randrange(72)
            out.write(f"{number:06d},0,Yes,No,{tenure},Yes,DSL,{contract},Mailed check,{charges}\n")


def submit(folder: Path, environment: dict[str, str], master: str, customers: Path) -> subprocess.Popen[bytes]:
    """Start a job from `customers` to folder/out; its output goes to folder/job.log."""
    settings = {
        "spark.sql.files.maxPartitionBytes": PART_BYTES,
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
    }
    words = [str(HOME / "bin" / "spark-submit"), "--master", master]
    for name, value in settings.items():
        words += ["--conf", f"{name}={value}"]
    words += ["--py-files", str(write_zip(folder / "churn.zip")), str(ROOT / "app/cli/spark.py")]
    with (folder / "job.log").open("wb") as log:
        return subprocess.Popen(
            [*words, str(customers), str(folder / "out")],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until(is_so: Callable[[], bool], job: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_S
    while not is_so():
        assert time.monotonic() < deadline, (folder / "job.log").read_text()
        assert job.poll() is None, (folder / "job.log").read_text()
        time.sleep(0.002)


def _committed(folder: Path) -> int:
    return len(list(folder.glob(".out-*.part/output/_temporary/0/task_*")))


def test_a_job_outlives_a_worker_and_counts_each_row_once(cluster, tmp_path, environment):
    customers = tmp_path / "customers.csv"
    write_customers(customers)
    job = submit(tmp_path, environment, cluster.address, customers)
    try:
        _wait_until(lambda: _committed(tmp_path) >= 2, job, tmp_path)
        committed = _committed(tmp_path)
        cluster.lose_a_worker()
        assert not (tmp_path / "out").exists()
        assert job.wait(JOB_S) == 0, (tmp_path / "job.log").read_text()
    finally:
        _kill(job)

    log = (tmp_path / "job.log").read_text()
    parts = len(list((tmp_path / "out" / "predictions").glob("part-*.csv")))
    assert committed < parts
    assert "Lost executor" in log
    expected = lines_here(tmp_path / "here", customers)
    assert len(expected["predictions"]) == ROWS == summary_of(tmp_path / "out")["rows_in"]
    assert lines_of(tmp_path / "out", "predictions") == expected["predictions"]
    assert lines_of(tmp_path / "out", "rejects") == expected["rejects"]


def test_a_driver_killed_in_mid_job_leaves_nothing_to_see_and_the_next_is_seen_whole(tmp_path, environment):
    customers, out = tmp_path / "customers.csv", tmp_path / "out"
    write_customers(customers)
    first = submit(tmp_path, environment, "local[2]", customers)
    try:
        _wait_until(lambda: _committed(tmp_path) >= 2, first, tmp_path)
    finally:
        _kill(first)
    seen_of_first = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))

    second = submit(tmp_path, environment, "local[2]", customers)
    try:
        _wait_until(out.exists, second, tmp_path)
    finally:
        _kill(second)

    assert seen_of_first == ["churn.zip", "customers.csv", "job.log"]
    assert summary_of(out)["rows_in"] == ROWS
    expected = lines_here(tmp_path / "here", customers)
    assert lines_of(out, "predictions") == expected["predictions"]
    assert lines_of(out, "rejects") == expected["rejects"]
