"""The functions, the API and the package that serverless.yml asks AWS for."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from cloudformation import (
    IMAGE,
    ROOT,
    Template,
    compiled,
    of_type,
    package,
    properties,
)

from app.settings import Settings
from deploy import aws
from model.outputs import output_options

LINT_IGNORED = ["W3005"]
"""W3005, a DependsOn that a reference makes needless: osls writes six of them, and nothing breaks."""


def test_both_functions_run_the_same_image_by_digest(template):
    functions = of_type(template, "AWS::Lambda::Function")

    assert set(functions) == {"ApiLambdaFunction", "BatchLambdaFunction"}
    assert {resource["Properties"]["Code"]["ImageUri"] for resource in functions.values()} == {IMAGE}


@pytest.mark.parametrize(
    ("name", "command", "timeout_s"), [("Api", "handler.api", 25), ("Batch", "handler.batch", 900)]
)
def test_a_function_has_its_command_time_and_one_whole_processor(template, name, command, timeout_s):
    function = properties(template, f"{name}LambdaFunction")

    assert function["ImageConfig"] == {"Command": [command]}
    assert function["Timeout"] == timeout_s
    assert function["MemorySize"] == 1769


def test_files_are_traced_and_requests_are_not(template):
    modes = {name: properties(template, f"{name}LambdaFunction")["TracingConfig"]["Mode"] for name in ("Api", "Batch")}

    assert modes == {"Api": "PassThrough", "Batch": "Active"}


def test_the_commands_are_functions_of_the_handler():
    source = (ROOT / "app/aws/functions.py").read_text(encoding="utf-8")

    assert re.search(r"^def api\(event", source, re.MULTILINE)
    assert re.search(r"^def batch\(event", source, re.MULTILINE)


def test_every_variable_of_a_function_is_a_setting(template):
    known = {setting.metadata["variable"] for setting in fields(Settings)}

    for function in of_type(template, "AWS::Lambda::Function").values():
        assert set(function["Properties"]["Environment"]["Variables"]) <= known


def test_the_function_of_files_and_the_page_about_it_have_a_setting_for_each_output_option(template):
    settings = {option.variable for option in output_options()}

    assert settings <= set(properties(template, "BatchLambdaFunction")["Environment"]["Variables"])
    assert {name for name in settings if f"`{name}`" not in (ROOT / "docs/aws.md").read_text(encoding="utf-8")} == set()


def without_keys(variables: Template) -> Template:
    """Return variables as they are where no keys are asked for."""
    chosen = {name: value["Fn::If"] for name, value in variables.items() if isinstance(value, dict)}
    assert {condition for condition, _, _ in chosen.values()} == {"HasApiKeys"}
    return {**variables, **{name: otherwise for name, (_, _, otherwise) in chosen.items()}}


def test_a_variable_not_set_reaches_the_function_empty_and_counts_as_unset(template):
    variables = without_keys(properties(template, "ApiLambdaFunction")["Environment"]["Variables"])

    assert set(variables.values()) == {""}
    assert asdict(Settings.from_environment(variables)) == asdict(Settings.from_environment({}))


def test_the_api_accepts_uploads_only_where_keys_are_required(template):
    api, batch = (
        properties(template, f"{name}LambdaFunction")["Environment"]["Variables"] for name in ("Api", "Batch")
    )

    assert template["Conditions"]["HasApiKeys"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiKeys"}, ""]}]}
    assert template["Parameters"]["ApiKeys"]["NoEcho"] is True
    for variable in ("CHURN_INBOX_BUCKET", "CHURN_RESULTS_BUCKET"):
        assert api[variable] == {"Fn::If": ["HasApiKeys", batch[variable], ""]}


def test_the_batch_function_has_both_buckets_in_its_settings(template):
    variables = properties(template, "BatchLambdaFunction")["Environment"]["Variables"]
    pseudo = {"${AWS::AccountId}": "123456789012", "${AWS::Region}": "ap-southeast-2"}
    names = {}
    for variable, bucket in (("CHURN_INBOX_BUCKET", "InboxBucket"), ("CHURN_RESULTS_BUCKET", "ResultsBucket")):
        assert variables[variable] == properties(template, bucket)["BucketName"]
        names[variable] = variables[variable]["Fn::Sub"]
        for reference, value in pseudo.items():
            names[variable] = names[variable].replace(reference, value)

    settings = Settings.from_environment(names)

    assert settings.inbox_bucket == "churn-test-inbox-123456789012-ap-southeast-2"
    assert settings.results_bucket == "churn-test-results-123456789012-ap-southeast-2"


def test_the_name_of_a_bucket_fits_with_the_longest_stage_and_region():
    aws.check_names("s" * 15, "ap-southeast-2")

    assert len(f"churn-{'s' * 15}-results-123456789012-ap-southeast-2") <= 63


def test_the_prefixes_of_the_template_are_those_of_the_settings(template):
    defaults = Settings.from_environment({})
    notification = properties(template, "InboxBucket")["NotificationConfiguration"]["LambdaConfigurations"][0]

    assert notification["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": defaults.inbox_prefix}]
    assert f"/{defaults.results_prefix}*" in json.dumps(properties(template, "BatchRole"))


def test_a_failed_file_is_tried_twice_more_and_then_goes_to_the_queue(template):
    (invoke,) = of_type(template, "AWS::Lambda::EventInvokeConfig").values()

    assert invoke["Properties"]["FunctionName"] == {"Ref": "BatchLambdaFunction"}
    assert invoke["Properties"]["MaximumRetryAttempts"] == 2
    assert invoke["Properties"]["MaximumEventAgeInSeconds"] == 21600
    destination = invoke["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == {"Fn::GetAtt": ["FailureQueue", "Arn"]}


def test_executions_are_reserved_for_files_unless_the_account_has_too_few(template):
    reserved = properties(template, "BatchLambdaFunction")["ReservedConcurrentExecutions"]

    assert reserved == {"Fn::If": ["ReservesConcurrency", {"Ref": "BatchConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert template["Parameters"]["BatchConcurrency"]["Default"] == 10


def test_every_path_reaches_the_app_in_payload_2_on_the_default_stage(template):
    (integration,) = of_type(template, "AWS::ApiGatewayV2::Integration").values()
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    routes = {resource["Properties"]["RouteKey"] for resource in of_type(template, "AWS::ApiGatewayV2::Route").values()}

    assert routes == {"$default", "POST /v1/customer", "POST /v1/customerbatch"}
    assert integration["Properties"]["PayloadFormatVersion"] == "2.0"
    assert stage["Properties"]["StageName"] == "$default"


def test_the_api_is_throttled(template):
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()

    limits = stage["Properties"]["DefaultRouteSettings"]

    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (100, 200)


def test_the_access_log_holds_no_address_path_query_or_agent(template):
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()

    logged = set(re.findall(r"\$context\.([\w.]+)", stage["Properties"]["AccessLogSettings"]["Format"]))

    assert {"requestId", "routeKey", "status"} <= logged
    assert not {name for name in logged if re.search(r"identity|path|query|agent|domain", name, re.IGNORECASE)}


def test_every_log_is_kept_for_a_time_and_not_forever(template):
    groups = of_type(template, "AWS::Logs::LogGroup")

    assert len(groups) == 3
    assert {resource["Properties"]["RetentionInDays"] for resource in groups.values()} == {30}


def test_production_keeps_logs_and_results_for_a_year(source, tmp_path):
    assert package(source, tmp_path, stage="prod").returncode == 0

    template = json.loads(compiled(tmp_path).read_text())

    assert properties(template, "BatchLogGroup")["RetentionInDays"] == 365
    assert properties(template, "ResultsBucket")["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 365


def test_everything_that_can_have_tags_has_them(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] in {"AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"}:
            tags = resource["Properties"].get("Tags", [])
            assert name == "ServerlessDeploymentBucket" or {"Key": "service", "Value": "churn"} in tags, name


def test_the_outputs_are_what_a_person_needs_next(template):
    assert {"ApiUrl", "InboxBucket", "ResultsBucket", "FailureQueueUrl", "AlertsTopic"} <= set(template["Outputs"])


def test_a_misspelt_key_is_refused(source, tmp_path):
    misspelt = source.replace("    memorySize: 1769\n", "    memorySise: 1769\n", 1)
    assert misspelt != source

    done = package(misspelt, tmp_path)

    assert done.returncode != 0
    assert "memorySise" in done.stdout


def test_nothing_is_packaged_without_an_image(source, tmp_path):
    done = package(source, tmp_path, CHURN_IMAGE_URI="")

    assert done.returncode != 0
    assert "image" in done.stdout


def test_a_stage_has_its_values_in_a_file_of_its_own(source, tmp_path):
    (tmp_path / ".env.test").write_text("CHURN_MODEL_VERSION=1.2.3\n")
    assert package(source, tmp_path).returncode == 0

    template = json.loads(compiled(tmp_path).read_text())

    for function in of_type(template, "AWS::Lambda::Function").values():
        assert function["Properties"]["Environment"]["Variables"]["CHURN_MODEL_VERSION"] == "1.2.3"
    assert ".env*" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_api_alone_gets_the_digests_of_keys(source, tmp_path):
    (tmp_path / ".env.test").write_text(f"CHURN_API_KEYS={'ab' * 32}\n")
    assert package(source, tmp_path).returncode == 0

    functions = of_type(json.loads(compiled(tmp_path).read_text()), "AWS::Lambda::Function").values()
    keys_set = [resource["Properties"]["Environment"]["Variables"].get("CHURN_API_KEYS") for resource in functions]

    assert sorted(keys_set, key=str) == [None, "ab" * 32]


def test_cfn_lint_finds_nothing(template_file):
    words = [Path(sys.executable).parent / "cfn-lint", "--regions", "eu-central-1", "--ignore-checks", *LINT_IGNORED]

    done = subprocess.run([*words, "--", template_file], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_deploy_tool_is_pinned_exactly_and_locked_by_hash_alone():
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert "osls" in wanted
    assert re.fullmatch(r"4\.\d+\.\d+", wanted["osls"])
    assert lock["node_modules/osls"]["version"] == wanted["osls"]
    for path, entry in lock.items():
        assert not path or entry["integrity"].startswith("sha512-"), path
        assert "resolved" not in entry, path
