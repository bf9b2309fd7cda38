"""What AWS is asked for: the template that osls makes of serverless.yml, and the commands around it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests

from app.jobs import layout
from app.jobs.uploads import RECEIPT
from app.log import METRICS, NAMESPACE
from app.settings import Settings
from deploy import aws
from model.bulk.drift import CHANGED
from model.schema import EXAMPLE

ROOT = Path(__file__).parents[2]
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

LINT_IGNORED = ["W3005"]
"""W3005, a DependsOn that a reference makes needless: osls writes six of them, and nothing breaks."""

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


@pytest.fixture(scope="session")
def source() -> str:
    """The text of serverless.yml, where osls is there to read it."""
    if not OSLS.exists():
        assert os.environ.get("CI") != "true", "CI needs osls; .ci/run installs it"
        pytest.skip("osls is not installed; npm ci installs it")
    return (ROOT / "serverless.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def template_file(source, tmp_path_factory) -> Path:
    """The template, made without an account or a network."""
    folder = tmp_path_factory.mktemp("serverless")
    done = package(source, folder)
    assert done.returncode == 0, done.stdout
    return compiled(folder)


@pytest.fixture(scope="session")
def template(template_file) -> Template:
    return json.loads(template_file.read_text())


def of_type(template: Template, kind: str) -> dict[str, Template]:
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def properties(template: Template, name: str) -> Template:
    return template["Resources"][name]["Properties"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(role: Template) -> list[Template]:
    """Return every statement of a role's policies that allows something."""
    statements = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    return [each for each in statements if each["Effect"] == "Allow"]


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


# ---- The functions


def test_both_functions_run_the_same_image_by_digest(template):
    functions = of_type(template, "AWS::Lambda::Function")

    assert set(functions) == {"ApiLambdaFunction", "BatchLambdaFunction"}
    assert {each["Properties"]["Code"]["ImageUri"] for each in functions.values()} == {IMAGE}


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
    known = {each.metadata["variable"] for each in fields(Settings)}

    for function in of_type(template, "AWS::Lambda::Function").values():
        assert set(function["Properties"]["Environment"]["Variables"]) <= known


def without_keys(variables: Template) -> Template:
    """Return variables as they are where no keys are asked for."""
    chosen = {name: value["Fn::If"] for name, value in variables.items() if isinstance(value, dict)}
    assert {condition for condition, _, _ in chosen.values()} == {"AsksForKeys"}
    return {**variables, **{name: otherwise for name, (_, _, otherwise) in chosen.items()}}


def test_a_variable_not_set_reaches_the_function_empty_and_counts_as_unset(template):
    variables = without_keys(properties(template, "ApiLambdaFunction")["Environment"]["Variables"])

    assert set(variables.values()) == {""}
    assert Settings.from_environment(variables) == Settings.from_environment({})


def test_the_api_takes_uploads_where_keys_are_asked_for_and_nowhere_else(template):
    api, batch = (
        properties(template, f"{name}LambdaFunction")["Environment"]["Variables"] for name in ("Api", "Batch")
    )

    assert template["Conditions"]["AsksForKeys"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiKeys"}, ""]}]}
    assert template["Parameters"]["ApiKeys"]["NoEcho"] is True
    for variable in ("CHURN_INBOX_BUCKET", "CHURN_RESULTS_BUCKET"):
        assert api[variable] == {"Fn::If": ["AsksForKeys", batch[variable], ""]}


def test_batch_is_told_both_buckets_and_the_settings_take_their_names(template):
    variables = properties(template, "BatchLambdaFunction")["Environment"]["Variables"]
    pseudo = {"${AWS::AccountId}": "123456789012", "${AWS::Region}": "ap-southeast-2"}
    names = {}
    for variable, bucket in (("CHURN_INBOX_BUCKET", "InboxBucket"), ("CHURN_RESULTS_BUCKET", "ResultsBucket")):
        assert variables[variable] == properties(template, bucket)["BucketName"]
        names[variable] = variables[variable]["Fn::Sub"]
        for each, value in pseudo.items():
            names[variable] = names[variable].replace(each, value)

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


def test_executions_are_set_aside_for_files_unless_the_account_has_none_to_spare(template):
    reserved = properties(template, "BatchLambdaFunction")["ReservedConcurrentExecutions"]

    assert reserved == {"Fn::If": ["ReservesConcurrency", {"Ref": "BatchConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert template["Parameters"]["BatchConcurrency"]["Default"] == 10


# ---- The API


def test_every_path_reaches_the_app_in_payload_2_on_the_default_stage(template):
    (integration,) = of_type(template, "AWS::ApiGatewayV2::Integration").values()
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    routes = {each["Properties"]["RouteKey"] for each in of_type(template, "AWS::ApiGatewayV2::Route").values()}

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


# ---- The buckets

BUCKETS = ["InboxBucket", "ResultsBucket"]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_private_and_versioned(template, name):
    bucket = properties(template, name)

    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_forgets_old_files_old_versions_and_unfinished_uploads(template, name):
    rules = properties(template, name)["LifecycleConfiguration"]["Rules"]

    found = {key: value for rule in rules for key, value in rule.items()}

    assert found["ExpirationInDays"] > 0
    assert found["NoncurrentVersionExpiration"]["NoncurrentDays"] > 0
    assert found["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 2
    assert {rule["Status"] for rule in rules} == {"Enabled"}


@pytest.mark.parametrize(
    ("name", "prefix"), [("InboxBucket", "incoming/uploads/"), ("ResultsBucket", "results/uploads/")]
)
def test_uploads_and_their_results_go_sooner_than_the_rest(template, name, prefix):
    rules = {rule.get("Prefix"): rule for rule in properties(template, name)["LifecycleConfiguration"]["Rules"]}

    assert rules[prefix]["ExpirationInDays"] == 7
    assert rules[prefix]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize(("name", "method"), [("InboxBucket", "POST"), ("ResultsBucket", "GET")])
def test_pages_of_the_api_and_of_listed_origins_may_use_forms_and_links(template, name, method):
    (rule,) = properties(template, name)["CorsConfiguration"]["CorsRules"]

    own = {"Fn::GetAtt": ["HttpApi", "ApiEndpoint"]}
    listed = {"Fn::Split": [",", {"Fn::Sub": "${HttpApi.ApiEndpoint},${PageOrigins}"}]}
    assert rule["AllowedMethods"] == [method]
    assert rule["AllowedOrigins"] == {"Fn::If": ["HasPageOrigins", listed, [own]]}


@pytest.mark.parametrize(("name", "method"), [("InboxBucket", "POST"), ("ResultsBucket", "GET")])
def test_a_browser_is_let_through_from_those_pages_and_from_no_other(template, name, method, bucket, moto_server):
    (rule,) = properties(template, name)["CorsConfiguration"]["CorsRules"]
    found = {**rule, "AllowedOrigins": ["https://api.example.com"], "MaxAgeSeconds": rule["MaxAge"]}
    del found["MaxAge"]
    bucket.client.put_bucket_cors(Bucket=bucket.inbox, CORSConfiguration={"CORSRules": [found]})

    def status(origin: str) -> int:
        # What a browser asks before it sends a form whose progress it watches.
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        return requests.options(f"{moto_server}/{bucket.inbox}", headers=asked, timeout=30).status_code

    assert (status("https://api.example.com"), status("https://other.example.com")) == (200, 403)


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_outlives_its_stack_but_not_a_first_deployment_that_failed(template, name):
    assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(
    ("policy", "kind", "subject"),
    [
        ("InboxBucketPolicy", "Bucket", "InboxBucket"),
        ("ResultsBucketPolicy", "Bucket", "ResultsBucket"),
        ("FailureQueuePolicy", "Queues", "FailureQueue"),
        ("AlertsPolicy", "Topics", "Alerts"),
    ],
)
def test_only_tls_is_let_in(template, policy, kind, subject):
    found = properties(template, policy)
    (deny,) = [each for each in found["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]

    assert as_list(found[kind]) == [{"Ref": subject}]
    assert deny["Principal"] == "*"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert subject in json.dumps(deny["Resource"])


def test_osls_own_bucket_is_closed_too(template):
    bucket = properties(template, "ServerlessDeploymentBucket")

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "SecureTransport" in json.dumps(properties(template, "ServerlessDeploymentBucketPolicy"))


def test_whatever_arrives_below_incoming_is_looked_at_whatever_its_suffix(template):
    (call,) = properties(template, "InboxBucket")["NotificationConfiguration"]["LambdaConfigurations"]

    assert call["Event"] == "s3:ObjectCreated:*"
    assert call["Function"] == {"Fn::GetAtt": ["BatchLambdaFunction", "Arn"]}
    assert [rule["Name"] for rule in call["Filter"]["S3Key"]["Rules"]] == ["prefix"]


def test_only_this_accounts_inbox_may_call_batch_and_may_before_it_is_made(template):
    permission = properties(template, "InboxMayCallBatch")

    assert permission["Principal"] == "s3.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    name = properties(template, "InboxBucket")["BucketName"]["Fn::Sub"]
    assert permission["SourceArn"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}"}
    assert template["Resources"]["InboxBucket"]["DependsOn"] == ["InboxMayCallBatch"]


def test_no_helper_function_is_needed_to_set_the_notification(template):
    assert not [name for name, each in template["Resources"].items() if each["Type"].startswith("Custom::")]


# ---- Who is told


def test_finished_and_failed_files_are_told_by_their_last_object(template):
    assert properties(template, "ResultsBucket")["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    wanted = {}
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        pattern = rule["Properties"]["EventPattern"]
        assert pattern["detail"]["bucket"] == {"name": [{"Ref": "ResultsBucket"}]}
        assert pattern["detail-type"] == ["Object Created"]
        (target,) = rule["Properties"]["Targets"]
        assert target["Arn"] == {"Ref": "Alerts"}
        wanted[name] = pattern["detail"]["object"]["key"]

    assert wanted == {
        "FileDone": [{"wildcard": "results/*/summary.json"}],
        "FileFailed": [{"wildcard": "results/*/failure.json"}],
    }


@pytest.mark.parametrize("rule", ["FileDone", "FileFailed"])
def test_a_message_is_whole_json_whatever_the_file_is_called(template, rule):
    (target,) = properties(template, rule)["Targets"]
    transformer = target["InputTransformer"]
    text = transformer["InputTemplate"]
    for name in transformer["InputPathsMap"]:
        text = text.replace(f"<{name}>", json.dumps('results/a "b" c/summary.json'))

    message = json.loads(text)

    assert 'results/a "b" c/summary.json' in message.values()


def test_an_email_is_sent_only_where_an_address_was_given(template):
    subscription = template["Resources"]["AlertsByEmail"]

    assert subscription["Condition"] == "TellsSomebody"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlertEmail"}
    assert template["Parameters"]["AlertEmail"]["Default"] == ""


def test_there_is_an_alarm_for_each_way_to_fail_and_all_tell_the_topic(template):
    alarms = {name: each["Properties"] for name, each in of_type(template, "AWS::CloudWatch::Alarm").items()}

    assert {(each["Namespace"].split("/")[-1], each["MetricName"]) for each in alarms.values()} == {
        ("Lambda", "Errors"),
        ("Lambda", "Duration"),
        ("Lambda", "Throttles"),
        ("Lambda", "AsyncEventAge"),
        ("Lambda", "DestinationDeliveryFailures"),
        ("SQS", "ApproximateNumberOfMessagesVisible"),
        ("ApiGateway", "5xx"),
        ("ApiGateway", "Latency"),
        ("Churn", "DriftMax"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alerts"}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert ("Statistic" in alarm) != ("ExtendedStatistic" in alarm)


def test_the_duration_alarm_rings_before_the_time_is_up(template):
    threshold_ms = properties(template, "BatchDurationAlarm")["Threshold"]

    assert threshold_ms < 1000 * (properties(template, "BatchLambdaFunction")["Timeout"] - 20)


def test_the_drift_alarm_hears_of_the_files_that_the_function_scores(template):
    alarm = properties(template, "DriftAlarm")

    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "BatchLambdaFunction"}}]
    assert (alarm["Namespace"], alarm["MetricName"] in METRICS) == (NAMESPACE, True)
    assert (alarm["Threshold"], alarm["Statistic"]) == (CHANGED, "Maximum")


def test_every_alarm_names_a_page_of_the_runbook(template):
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs/aws.md").read_text(encoding="utf-8"), re.MULTILINE)

    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        (page,) = re.findall(r'Runbook, "(.*)"', alarm["Properties"]["AlarmDescription"])
        assert page in headings


# ---- Who may do what


def test_the_api_may_let_uploads_in_and_read_their_results_and_nothing_else(template):
    inbox, results = (f"churn-test-{name}-${{AWS::AccountId}}-${{AWS::Region}}" for name in ("inbox", "results"))
    role = properties(template, "ApiRole")

    assert granted(role) == {
        ("logs:CreateLogStream", "log-group:/aws/lambda/churn-test-api:*"),
        ("logs:PutLogEvents", "log-group:/aws/lambda/churn-test-api:*"),
        ("s3:PutObject", f"{inbox}/incoming/uploads/*"),
        ("s3:ListBucket", inbox),
        ("s3:PutObject", f"{results}/results/uploads/*/{RECEIPT}"),
        ("s3:GetObject", f"{results}/results/uploads/*"),
        ("s3:ListBucket", results),
    }
    lists = [each["Condition"] for each in allowed(role) if each["Action"] == "s3:ListBucket"]
    assert lists == [{"StringLike": {"s3:prefix": f"{place}/uploads/*"}} for place in ("incoming", "results")]


def test_batch_may_read_what_is_dropped_and_write_results_and_nothing_else(template):
    inbox, results = (f"churn-test-{name}-${{AWS::AccountId}}-${{AWS::Region}}" for name in ("inbox", "results"))

    assert granted(properties(template, "BatchRole")) == {
        ("logs:CreateLogStream", "log-group:/aws/lambda/churn-test-batch:*"),
        ("logs:PutLogEvents", "log-group:/aws/lambda/churn-test-batch:*"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
        ("s3:GetObject", f"{inbox}/incoming/*"),
        ("s3:GetObjectVersion", f"{inbox}/incoming/*"),
        ("s3:ListBucket", inbox),
        ("s3:ListBucket", results),
        ("s3:PutObject", f"{results}/results/*"),
        ("s3:AbortMultipartUpload", f"{results}/results/*"),
        ("s3:GetObject", f"{results}/results/*"),
        ("s3:DeleteObject", f"{results}/results/uploads/*/{layout.PROGRESS}"),
        ("sqs:SendMessage", "FailureQueue"),
    }


def test_no_statement_allows_an_action_by_wildcard_and_only_traces_any_resource(template):
    roles = of_type(template, "AWS::IAM::Role")
    assert set(roles) == {"ApiRole", "BatchRole"}

    for role in roles.values():
        assert "ManagedPolicyArns" not in role["Properties"]
        for statement in allowed(role["Properties"]):
            assert not any("*" in action for action in as_list(statement["Action"])), statement
            if "*" in as_list(statement["Resource"]):
                assert all(action.startswith("xray:") for action in as_list(statement["Action"])), statement


def test_only_alarms_and_these_rules_may_publish(template):
    statements = properties(template, "AlertsPolicy")["PolicyDocument"]["Statement"]

    conditions = {each["Principal"]["Service"]: each["Condition"] for each in statements if each["Effect"] == "Allow"}

    assert conditions == {
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        "events.amazonaws.com": {
            "ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [rule, "Arn"]} for rule in ("FileDone", "FileFailed")]}
        },
    }


# ---- The rest


def test_the_queue_is_encrypted_and_keeps_a_failure_as_long_as_can_be(template):
    queue = properties(template, "FailureQueue")

    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_every_log_is_kept_for_a_time_and_not_for_ever(template):
    groups = of_type(template, "AWS::Logs::LogGroup")

    assert len(groups) == 3
    assert {each["Properties"]["RetentionInDays"] for each in groups.values()} == {30}


def test_production_keeps_logs_and_results_for_a_year(source, tmp_path):
    assert package(source, tmp_path, stage="prod").returncode == 0

    template = json.loads(compiled(tmp_path).read_text())

    assert properties(template, "BatchLogGroup")["RetentionInDays"] == 365
    assert properties(template, "ResultsBucket")["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 365


def test_everything_that_takes_tags_has_them(template):
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
    found = [each["Properties"]["Environment"]["Variables"].get("CHURN_API_KEYS") for each in functions]

    assert sorted(found, key=str) == [None, "ab" * 32]


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
    for path, each in lock.items():
        assert not path or each["integrity"].startswith("sha512-"), path
        assert "resolved" not in each, path


# ---- make deploy-aws


def make(*words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "AWS_", "MAKE"))}
    command = [shutil.which("make"), "--no-print-directory", *words, f"PYTHON={sys.executable}"]
    return subprocess.run(
        command, cwd=ROOT, env={**environ, "PATH": path or environ["PATH"]}, capture_output=True, text=True, timeout=60
    )


def test_a_dry_run_prints_the_commands_in_order_and_needs_nothing(tmp_path):
    for tool in ("sh", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    done = make("deploy-aws", "DRY_RUN=1", "STAGE=prod", "REGION=eu-west-1", path=str(tmp_path))

    assert done.returncode == 0, done.stderr
    steps = [
        "aws sts get-caller-identity",
        "aws ecr create-repository --repository-name churn --image-tag-mutability IMMUTABLE",
        "aws ecr put-lifecycle-policy",
        "docker build --platform linux/amd64 -f Dockerfile.lambda",
        "docker login --username AWS --password-stdin",
        "docker push",
        "DIGEST=$(aws ecr describe-images",
        "export CHURN_IMAGE_URI=$REGISTRY/churn@$DIGEST",
        "node_modules/.bin/osls deploy --stage prod --region eu-west-1",
        '"$API/health"',
        '"$API/v1/customer"',
        "aws lambda invoke --function-name churn-prod-batch",
        "make deploy-aws STAGE=prod REGION=eu-west-1 IMAGE=$CHURN_IMAGE_URI",
    ]
    said = re.sub(r" \\\n +", " ", done.stdout)
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    assert json.dumps(dict(EXAMPLE)) in done.stdout


def test_an_image_of_before_is_deployed_again_without_building():
    done = make("deploy-aws", "DRY_RUN=1", f"IMAGE={IMAGE}")

    assert f"export CHURN_IMAGE_URI={IMAGE}\n" in done.stdout
    assert " build " not in done.stdout
    assert " push " not in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["STAGE=Prod"], 'STAGE must be 1 to 15 lower-case letters, digits and hyphens, such as dev, not "Prod".'),
        (["STAGE=a;b"], "STAGE must be"),
        (["STAGE=" + "s" * 16], "STAGE must be"),
        (["REGION=europe"], 'REGION must be a region of AWS, such as eu-central-1, not "europe".'),
        (["IMAGE=churn:latest"], "IMAGE must be an image in ECR in eu-central-1, by digest"),
        ([f"IMAGE={IMAGE}", "REGION=eu-west-1"], "IMAGE must be an image in ECR in eu-west-1, by digest"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_anything_starts(words, sentence):
    done = make("deploy-aws", "DRY_RUN=1", *words)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert done.stdout == ""


FAKE_AWS = """\
#!{python}
import json, os, re, sys
from pathlib import Path

words, here = sys.argv[1:], Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*words, file=calls)
if words[:2] == ["sts", "get-caller-identity"]:
    print("123456789012")
elif words[:2] == ["ecr", "describe-repositories"]:
    sys.exit(254)
elif words[:2] == ["ecr", "describe-images"]:
    print("sha256:" + "ab" * 32)
elif words[:2] == ["lambda", "get-account-settings"]:
    print((here / "executions").read_text())
elif words[:2] == ["cloudformation", "describe-stacks"]:
    print("https://api")
elif words[:2] == ["sqs", "get-queue-url"]:
    print(json.dumps({{"QueueUrl": "https://queue"}}))
elif words[:2] == ["sqs", "receive-message"]:
    messages = sorted((here / "queue").iterdir())[:2]
    if messages:
        print(json.dumps({{"Messages": [{{"Body": m.read_text(), "ReceiptHandle": str(m)}} for m in messages]}}))
elif words[:2] == ["sqs", "delete-message"]:
    Path(words[words.index("--receipt-handle") + 1]).unlink()
elif words[:2] == ["lambda", "invoke"] and "Event" in words:
    with (here / "sent").open("a") as sent:
        print(Path(words[words.index("--payload") + 1].removeprefix("file://")).read_text(), file=sent)
    print(json.dumps({{"StatusCode": 202}}))
elif words[:2] == ["lambda", "invoke"]:
    print("None")
"""

FAKE_TOOL = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$(dirname "$0")/calls"
env | grep ^CHURN_ > "$(dirname "$0")/environment" || true
"""


@pytest.fixture
def tools(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder of stand-ins for aws, docker, curl and osls, which note how they were called."""
    for name in ("docker", "curl", "node", "osls"):
        (tmp_path / name).write_text(FAKE_TOOL)
    (tmp_path / "aws").write_text(FAKE_AWS.format(python=sys.executable))
    for each in tmp_path.iterdir():
        each.chmod(0o755)
    (tmp_path / "queue").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in list(os.environ):
        if name.startswith(("AWS_", "CHURN_")):
            monkeypatch.delenv(name)
    return tmp_path


def deployed(tools: Path, executions: int, image: str = "") -> subprocess.CompletedProcess[str]:
    (tools / "executions").write_text(str(executions))
    script = aws.deployment("dev", "eu-central-1", image, builder="docker", tag="tag").replace(aws.OSLS, "osls")
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_deployment_hands_the_digest_that_was_pushed_to_osls(tools):
    done = deployed(tools, executions=1000)

    assert done.returncode == 0, done.stderr
    image = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/churn@sha256:{'ab' * 32}"
    assert f"CHURN_IMAGE_URI={image}" in (tools / "environment").read_text().splitlines()
    assert f"make deploy-aws STAGE=dev REGION=eu-central-1 IMAGE={image}" in done.stdout
    calls = (tools / "calls").read_text()
    assert "ecr create-repository" in calls
    assert "osls deploy --stage dev --region eu-central-1" in calls
    assert "CHURN_BATCH_CONCURRENCY" not in (tools / "environment").read_text()


def test_nothing_is_set_aside_in_an_account_that_runs_ten_executions(tools):
    done = deployed(tools, executions=10, image=IMAGE)

    assert done.returncode == 0, done.stderr
    assert "CHURN_BATCH_CONCURRENCY=0" in (tools / "environment").read_text().splitlines()
    assert "This account runs 10 executions at once" in done.stderr


def test_a_deployment_ends_at_the_first_command_that_fails(tools):
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")

    done = deployed(tools, executions=1000)

    assert done.returncode != 0
    assert "osls" not in (tools / "calls").read_text()


def failure(key: str) -> str:
    event = {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "inbox"}, "object": {"key": key}}}]}
    return json.dumps({"requestPayload": event, "responsePayload": {"errorMessage": f"S3 failed to read {key}."}})


def test_redrive_sends_every_event_of_the_queue_again_and_empties_it(tools, capfd):
    keys = ["incoming/a.csv", "incoming/b+c.csv", "incoming/d.csv"]
    for number, key in enumerate(keys):
        (tools / "queue" / str(number)).write_text(failure(key))

    code = aws.main(["redrive", "--stage", "dev"])

    sent = [json.loads(line) for line in (tools / "sent").read_text().splitlines()]
    assert code == 0
    assert [event["Records"][0]["s3"]["object"]["key"] for event in sent] == keys
    assert list((tools / "queue").iterdir()) == []
    said = capfd.readouterr()
    assert "3 events sent again." in said.out
    assert "s3://inbox/incoming/a.csv\n    S3 failed to read incoming/a.csv." in said.err


def test_an_event_that_could_not_be_sent_stays_in_the_queue(tools, capfd):
    (tools / "queue" / "1").write_text(failure("incoming/a.csv"))
    broken = (tools / "aws").read_text().replace('print(json.dumps({"StatusCode": 202}))', "sys.exit(255)")
    (tools / "aws").write_text(broken)

    code = aws.main(["redrive", "--stage", "dev"])

    assert code == 2
    assert "aws lambda invoke failed" in capfd.readouterr().err
    assert len(list((tools / "queue").iterdir())) == 1


def test_a_dry_redrive_prints_its_commands(capfd):
    assert aws.main(["redrive", "--stage", "dev", "--dry-run"]) == 0

    said = capfd.readouterr().out
    steps = ["sqs get-queue-url", "sqs receive-message", "lambda invoke", "sqs delete-message"]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
