"""docs/licences.md: under which licences stands what the images hold, read off the installed packages.

"make licences". A licence that nobody has looked at ends the command, and a test.
"""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "licences.md"
LISTS: Final = ("serving", "lambda")
VENDORED: Final = ROOT / "app" / "web" / "static" / "vendor"

ALLOWED: Final = {
    "0BSD",
    "AFL-2.1",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Zlib",
}
"""None asks anything of who uses the API, or of code beside theirs; MPL-2.0 (tqdm) only of changes to its files."""

_SPELT: Final = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
}
"""How older packages say it. Those with the classifier "BSD License" here were looked at: all have three clauses."""

_INTRODUCTION: Final = """# Licences

What the two images hold beside our own code (Apache License 2.0), as the packages say. `make licences` writes
this page, `make sbom` lists what Debian adds. The pipeline engine (`ENGINE=pipeline`) brings what stands in
requirements/pipeline.txt too.

| package | version | licence |
| --- | --- | --- |
"""


class LicenceError(Exception):
    """A package whose licence is not known to be one that we may ship."""


def page() -> str:
    """Return the page.

    Raises
    ------
    LicenceError
    """
    rows = [f"| {name} | {version} | {_licence(name)} |" for name, version in sorted(_pins())]
    rows += [f"| {name} (in the page) | {version} | {_vendored(folder)} |" for name, version, folder in _folders()]
    return _INTRODUCTION + "\n".join(rows) + "\n"


def _pins() -> set[tuple[str, str]]:
    locks = "".join((ROOT / "requirements" / f"{each}.txt").read_text(encoding="utf-8") for each in LISTS)
    pins = re.findall(r"^([a-z0-9-]+)==([^\s;]+)(.*)$", locks, re.MULTILINE)
    return {(name, version) for name, version, where in pins if "win32" not in where}


def _licence(name: str) -> str:
    about = metadata.metadata(name)
    kinds = [kind.rpartition(" :: ")[2] for kind in about.get_all("Classifier") or [] if kind.startswith("License ::")]
    expressions, names = about.get_all("License-Expression"), about.get_all("License") or ["no licence"]
    said = expressions[0] if expressions else " OR ".join(_SPELT.get(kind, kind) for kind in kinds)
    said = said or _SPELT.get(names[0], names[0])
    unknown = set(re.split(r" (?:AND|OR) ", said)) - ALLOWED
    if unknown:
        raise LicenceError(
            f"{name} is under {', '.join(sorted(unknown))}. Look at it, then add it to ALLOWED or do without."
        )
    return said


def _folders() -> Iterator[tuple[str, str, Path]]:
    for folder in sorted(VENDORED.iterdir()):
        name, _, version = folder.name.rpartition("-")
        yield name, version, folder


def _vendored(folder: Path) -> str:
    text = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("LICENSE*"))
    known = {
        "Apache License": "Apache-2.0",
        "MIT License": "MIT",
        "Permission is hereby granted, free of charge": "MIT",
        "Permission to use, copy, modify, and/or distribute this software": "ISC",
    }
    for words, licence in known.items():
        if words in text:
            return licence
    raise LicenceError(f"{folder.name} has no LICENSE that is known.")


def main() -> int:
    """Write the page."""
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except LicenceError as error:
        print(error, file=sys.stderr)
        return 2
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
