"""Removes from an image what serving never opens: run in the build, after the packages are installed.

How we know: tests/images/test_trim.py scores every file of tests/data, notes each file that the process opens or maps,
and fails if one of them is on this list; the tests of the images then serve from what is left. A line that
matches nothing fails the build, so the list names only what is there. The pipeline's image is not trimmed.

usage: python deploy/trim.py SITE_PACKAGES
"""

import sys
from pathlib import Path
from typing import Final

TRIMMED: Final = {
    "bin": "commands of the packages; the image starts python itself",
    "botocore/data/*/*": "the descriptions of all services of AWS but those kept",
    "boto3/data/*/*": "the same, for an interface that is not used",
    "boto3/examples": "documentation",
    "numpy/_core/include": "for building against numpy",
    "numpy/_core/lib": "the same",
    "numpy/random/lib": "the same",
    "numpy/f2py": "a Fortran compiler's front",
    "numpy/**/tests": "numpy's own tests",
    "numpy/**/*.pyi": "read by type checkers only",
    "pyarrow/include": "for building against Arrow",
    "pyarrow/includes": "the same",
    "pyarrow/src": "the same",
    "pyarrow/*.pyx": "sources of the libraries beside them",
    "pyarrow/*.pxi": "the same",
    "pyarrow/*.pxd": "the same",
    "pyarrow/tests": "pyarrow's own tests",
    "pyarrow/_pyarrow_cpp_tests.*": "the same",
    "pyarrow/libarrow_python*.so": "a second copy for linkers; the loader takes the one named .so.<version>",
    "pyarrow/libarrow_python*.so.*.*.*": "a third copy",
    "pyarrow/*flight*.so*": "remote procedure calls, 34 MB",
    "pyarrow/libarrow_s3.so.*": "Arrow's own S3, 17 MB; S3 is read with boto3",
    "pyarrow/_s3fs.*": "the same",
    "pyarrow/_gcsfs.*": "other file systems",
    "pyarrow/_azurefs.*": "the same",
    "pyarrow/_hdfs.*": "the same",
    "pyarrow/*parquet_encryption*": "encrypted Parquet",
    "pyarrow/_dataset_*.so": "datasets of Parquet and ORC",
    "pyarrow/_orc.*": "ORC",
    "pyarrow/_substrait.*": "query plans",
}
"""What goes, as patterns below site-packages, and why."""

KEPT: Final = ("botocore/data/s3", "botocore/data/sts", "boto3/data/s3")
"""Of what the patterns match. sts is how a role given to a web identity, as on EKS, gets its keys."""


def main(site: Path) -> None:
    """Trim the packages in `site` and say how much that was."""
    before = _size(site)
    idle = [pattern for pattern in TRIMMED if not any(site.glob(pattern))]
    if absent := [pattern for pattern in idle if (site / pattern.split("/")[0]).is_dir()]:
        raise SystemExit(f"Nothing matches {', '.join(absent)} any more: take it off the list in deploy/trim.py.")
    for path in trimmed(site):
        path.unlink()
    for folder in sorted((path for path in site.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    print(f"trimmed {before / 1e6:.0f} MB to {_size(site) / 1e6:.0f} MB")


def trimmed(site: Path) -> set[Path]:
    """Return the files of `site` that go."""
    kept = [site / each for each in KEPT]
    return {
        file
        for pattern in TRIMMED
        for path in site.glob(pattern)
        for file in (path.rglob("*") if path.is_dir() else [path])
        if not file.is_dir()
        if not any(file.is_relative_to(each) for each in kept)
    }


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
