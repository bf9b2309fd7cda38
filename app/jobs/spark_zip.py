"""The code that a cluster needs of this tree, as one zip: for `spark-submit --py-files`, and for the workers.

usage: python -m app.jobs.spark_zip build/churn-spark.zip
"""

import sys
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
_SHIPPED: Final = ("app", "model")
_LEFT_OUT: Final = ("app/aws/", "app/server/", "app/web/", "model/training/", "__pycache__", ".joblib")


def runs_from_zip() -> bool:
    """Whether this code itself comes out of such a zip, so that the workers have it."""
    return ROOT.is_file()


def pack(target: Path) -> Path:
    """Write the zip; the same tree gives the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _paths():
            name = path.relative_to(ROOT).as_posix()
            # Without a date: a zip cannot hold one before 1980, and a new one would change the bytes.
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    draft.rename(target)
    return target


def _paths() -> list[Path]:
    tops = [ROOT / name for name in _SHIPPED]
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return sorted(path for path in files if not any(part in path.relative_to(ROOT).as_posix() for part in _LEFT_OUT))


if __name__ == "__main__":
    sys.stdout.write(f"{pack(Path(sys.argv[1]))}\n")
