"""A copy of the shipped model that states, written by hand, what belongs together in its training data."""

import json
from pathlib import Path
from typing import Any

from model import artifact

VERSION = "9.9.9"
RELATION = {"feature": "TotalCharges", "factors": ["tenure", "MonthlyCharges"], "low": 0.66, "high": 1.49}
MEMBERS: dict[str, Any] = {
    "relations": [{**RELATION, "rounding": 0.01}],
    "combinations": [
        # DSL, Fiber optic, No
        {"features": ["PhoneService", "InternetService"], "seen": ["100", "111"]},
        {
            "features": ["InternetService", "MonthlyCharges"],
            "ranges": [[24.2, 92.65], [68.65, 118.35], [18.7, 26.45]],
            "missing": "000",
        },
    ],
}


def write_plausible_model(root: Path, members: dict[str, Any] = MEMBERS) -> Path:
    """Write the model into a folder of versions, as the default one; return the folder."""
    shipped = artifact.folder_of("1.0.0")
    files = {name: (shipped / name).read_bytes() for name in artifact.names(shipped)}
    population = json.loads(files["population.json"]) | members
    scorecard = json.loads(files["scorecard.json"]) | {"version": VERSION}
    files["population.json"] = json.dumps(population).encode()
    files["scorecard.json"] = json.dumps(scorecard).encode()
    artifact.save(files, VERSION, root)
    (root / "DEFAULT").write_text(VERSION)
    return root
