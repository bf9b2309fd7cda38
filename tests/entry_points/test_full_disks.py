"""`churn score` where the disk is full or may not be written: a sentence, exit code 1, and what was there before."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import CLI, HEADER, LINE, names

SMALL_BYTES = 1 << 20


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Give a file system of its own, where this machine lets us make one."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    with mounted(tmp_path / "small", f"size={SMALL_BYTES}") as folder:
        yield folder


@pytest.fixture
def list_of() -> Callable[[int], bytes]:
    return lambda count: (HEADER + LINE * count).encode()


def score(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, "score", *words], capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize("before", [[], ["predictions.csv", "summary.json"]], ids=["new", "there"])
def test_a_full_disk_is_named_and_the_results_of_before_stay(tmp_path, small_disk, list_of, before):
    (tmp_path / "customers.csv").write_bytes(list_of(100_000))
    out = small_disk / "out"
    for name in before:
        out.mkdir(exist_ok=True)
        (out / name).write_text("old")

    done = score("customers.csv", "-o", str(out), folder=tmp_path)

    assert (done.returncode, done.stderr) == (1, f"{out}: No space left on device.\n")
    assert names(small_disk) == (["out"] if before else [])
    assert [(name, (out / name).read_text()) for name in before] == [(name, "old") for name in before]
    assert not before or names(out) == before
    (tmp_path / "customers.csv").write_bytes(list_of(100))
    assert score("customers.csv", "-o", str(out), folder=tmp_path).returncode == 0


@pytest.mark.parametrize("room", [0, 4096, 8192])
def test_a_disk_that_is_all_but_full_gives_all_three_files_or_none(tmp_path, small_disk, list_of, room):
    (tmp_path / "customers.csv").write_bytes(list_of(1))
    free = os.statvfs(small_disk)
    (small_disk / "full").write_bytes(bytes(free.f_bavail * free.f_frsize - room))

    done = score("customers.csv", "-o", str(small_disk / "out"), folder=tmp_path)

    assert (done.returncode, done.stderr) == (1, f"{small_disk / 'out'}: No space left on device.\n")
    assert names(small_disk) == ["full"]


def test_a_disk_that_may_only_be_read_is_named_and_its_list_is_scored_elsewhere(tmp_path, list_of):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        (disk / "customers.csv").write_bytes(list_of(3))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

        done = score("customers.csv", folder=disk)

        assert (done.returncode, done.stderr) == (1, "customers-scored: Read-only file system.\n")
        assert names(disk) == ["customers.csv"]
        assert score("customers.csv", "-o", str(tmp_path / "out"), folder=disk).returncode == 0
        assert names(tmp_path / "out") == ["predictions.csv", "rejects.csv", "summary.json"]
