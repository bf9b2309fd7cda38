"""The code that a Spark cluster needs, as one zip: for `spark-submit --py-files`, and for the workers.

usage: python -m app.jobs.spark_zip build/churn-spark.zip
"""

import sys
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
_INCLUDED: Final = ("app", "model")
_EXCLUDED: Final = ("app/aws/", "app/server.py", "app/web/", "model/training/", "__pycache__", ".joblib")


def runs_from_zip() -> bool:
    """Return whether this code was itself imported from such a zip, so that the workers have it."""
    return ROOT.is_file()


def write_zip(target: Path) -> Path:
    """Write the zip. The same tree gives the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files():
            # Without a date: a zip has none before 1980, and the current one would change the bytes.
            info = zipfile.ZipInfo(path.relative_to(ROOT).as_posix())
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    draft.rename(target)
    return target


def _files() -> list[Path]:
    files = [path for name in _INCLUDED for path in (ROOT / name).rglob("*") if path.is_file()]
    return sorted(path for path in files if not any(part in path.relative_to(ROOT).as_posix() for part in _EXCLUDED))


if __name__ == "__main__":
    sys.stdout.write(f"{write_zip(Path(sys.argv[1]))}\n")
