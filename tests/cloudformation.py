"""The CloudFormation template that osls compiles serverless.yml to, and ways to read it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from deploy import aws

ROOT = Path(__file__).parents[1]
OSLS = ROOT / aws.OSLS
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/churn@sha256:{'5e' * 32}"

OFFLINE = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "CHURN_IMAGE_URI": IMAGE,
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SLS_TELEMETRY_DISABLED": "1",
}
Template = dict[str, Any]


def package(source: str, folder: Path, stage: str = "test", **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "serverless.yml").write_text(source, encoding="utf-8")
    words = [str(OSLS), "package", "--stage", stage, "--region", "eu-central-1", "--package", "out"]
    environ = {**OFFLINE, **environment}
    return subprocess.run(
        words, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )


def compiled(folder: Path) -> Path:
    return folder / "out" / "cloudformation-template-update-stack.json"


def of_type(template: Template, kind: str) -> dict[str, Template]:
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def properties(template: Template, name: str) -> Template:
    return template["Resources"][name]["Properties"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(role: Template) -> list[Template]:
    """Return every statement of a role's policies that allows something."""
    statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    return [statement for statement in statements if statement["Effect"] == "Allow"]


def granted(role: Template) -> set[tuple[str, str]]:
    """Return what a role may do, and to what: the end of an ARN, or the resource of this template."""
    return {
        (action, named(resource))
        for statement in allowed(role)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def named(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return resource["Fn::GetAtt"][0]
    return re.split(r":::|:(?=log-group)", resource["Fn::Sub"])[1]
