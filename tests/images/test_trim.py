"""The images leave out no file that a process opens or maps when it runs every entry point."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import trim

ROOT = Path(__file__).parents[2]

SCRIPT = """
import io, json, os, sys, tempfile
opened = set()
sys.addaudithook(lambda name, found: opened.add(str(found[0])) if name == "open" else None)
# Not in the image; where it is there, pyarrow imports it and it opens parts of numpy.
sys.modules["pandas"] = None
from pathlib import Path
from click.testing import CliRunner
import awslambdaric.bootstrap, handler
from app.web import create_app
from app.jobs import uploads
from app.jobs.bucket import connect
from app.cli.__main__ import churn
from model import artifact
from app.settings import Settings

client = create_app(artifact.load(), Settings()).test_client()
for path in sorted(Path("tests/data").iterdir()):
    with tempfile.TemporaryDirectory() as folder:
        CliRunner().invoke(churn, ["score", str(path), "-o", f"{folder}/out", "--value-at-risk"])
    for accept in ("text/csv", "application/json"):
        for query in ("", "?on_error=skip", "?charset=latin-1"):
            file = (io.BytesIO(path.read_bytes()), "customers.csv")
            client.post(f"/v1/customerbatch{query}", data={"file": file}, headers={"Accept": accept}).close()
client.get("/", headers={"Accept": "text/html"})
s3 = connect(max_attempts=1, timeout_s=1)
uploads.connect().generate_presigned_post("none", "none")
s3.generate_presigned_url("get_object", {"Bucket": "none", "Key": "none"})
try:
    s3.put_object(Bucket="none", Key="none", Body=b"")
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
opened |= {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if line.count("/")}
json.dump(sorted(opened), open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> set[Path]:
    """The files that the entry points open, resolved."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux reports which libraries a process maps")
    report = tmp_path_factory.mktemp("opened") / "files.json"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CHURN_"))}
    # Nothing listens there: the request is made and sent, which is what opens files.
    environ |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-central-1", "NO_PROXY": "127.0.0.1"}
    environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, report], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stderr.endswith("EndpointConnectionError\n"), done.stderr[-4000:]
    return {Path(name).resolve() for name in json.loads(report.read_text())}


@pytest.fixture(scope="module")
def site(opened) -> Path:
    return next(
        Path(*path.parts[: path.parts.index("pyarrow")]) for path in opened if path.name.startswith("libarrow.")
    )


def test_a_file_that_is_left_out_is_never_opened(opened, site):
    # The commands of an environment stand elsewhere; here is a folder only where packages are installed by --target.
    gone = {path.resolve() for path in trim.trimmed(site)}

    assert len(gone) > 500
    assert sorted(path.relative_to(site) for path in gone & opened) == []


def test_every_entry_point_was_really_run(opened, site):
    names = {path.relative_to(site).parts[0] for path in opened if path.is_relative_to(site)}

    assert {"pyarrow", "numpy", "boto3", "botocore", "flask", "awslambdaric"} <= names
    assert any("botocore/data/s3/" in str(path) for path in opened)


def test_a_line_that_matches_nothing_stops_the_build(tmp_path):
    (tmp_path / "pyarrow").mkdir()

    with pytest.raises(SystemExit, match=r"Nothing matches .*pyarrow/include.* any more"):
        trim.main(tmp_path)


def test_what_is_kept_stays(tmp_path, capsys):
    kept, gone, other = (
        tmp_path / "botocore" / "data" / name for name in ("s3/2006/a.json", "ec2/2016/b.json", "endpoints.json")
    )
    for path in (kept, gone, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")

    trim.main(tmp_path)

    assert kept.exists()
    assert other.exists()
    assert not gone.parent.parent.exists()
    assert capsys.readouterr().out.startswith("trimmed ")
