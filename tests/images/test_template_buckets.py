"""The buckets, the queue and the alarms that serverless.yml asks AWS for."""

import json
import re

import pytest
import requests
from cloudformation import (
    ROOT,
    as_list,
    of_type,
    properties,
)

from app.log import METRIC_UNITS, NAMESPACE
from model.bulk.drift import CHANGED

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

    lifecycle = {key: value for rule in rules for key, value in rule.items()}

    assert lifecycle["ExpirationInDays"] > 0
    assert lifecycle["NoncurrentVersionExpiration"]["NoncurrentDays"] > 0
    assert lifecycle["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 2
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
def test_only_pages_of_those_origins_may_send_requests(template, name, method, bucket, moto_server):
    (rule,) = properties(template, name)["CorsConfiguration"]["CorsRules"]
    cors_rule = {**rule, "AllowedOrigins": ["https://api.example.com"], "MaxAgeSeconds": rule["MaxAge"]}
    del cors_rule["MaxAge"]
    bucket.client.put_bucket_cors(Bucket=bucket.inbox, CORSConfiguration={"CORSRules": [cors_rule]})

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
def test_only_tls_is_allowed(template, policy, kind, subject):
    bucket_policy = properties(template, policy)
    (deny,) = [statement for statement in bucket_policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Deny"]

    assert as_list(bucket_policy[kind]) == [{"Ref": subject}]
    assert deny["Principal"] == "*"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert subject in json.dumps(deny["Resource"])


def test_osls_own_bucket_is_closed_too(template):
    bucket = properties(template, "ServerlessDeploymentBucket")

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "SecureTransport" in json.dumps(properties(template, "ServerlessDeploymentBucketPolicy"))


def test_every_object_below_incoming_is_handled_whatever_its_suffix(template):
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
    assert not [name for name, resource in template["Resources"].items() if resource["Type"].startswith("Custom::")]


def test_finished_and_failed_files_are_announced_by_their_last_object(template):
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


def test_an_email_is_sent_only_where_an_address_is_configured(template):
    subscription = template["Resources"]["AlertsByEmail"]

    assert subscription["Condition"] == "HasAlertEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlertEmail"}
    assert template["Parameters"]["AlertEmail"]["Default"] == ""


def test_there_is_an_alarm_for_each_kind_of_failure_and_all_notify_the_topic(template):
    alarms = {name: resource["Properties"] for name, resource in of_type(template, "AWS::CloudWatch::Alarm").items()}

    assert {(resource["Namespace"].split("/")[-1], resource["MetricName"]) for resource in alarms.values()} == {
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


def test_the_drift_alarm_watches_the_files_that_the_function_scores(template):
    alarm = properties(template, "DriftAlarm")

    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "BatchLambdaFunction"}}]
    assert (alarm["Namespace"], alarm["MetricName"] in METRIC_UNITS) == (NAMESPACE, True)
    assert (alarm["Threshold"], alarm["Statistic"]) == (CHANGED, "Maximum")


def test_every_alarm_names_a_page_of_the_runbook(template):
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs/aws.md").read_text(encoding="utf-8"), re.MULTILINE)

    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        (page,) = re.findall(r'Runbook, "(.*)"', alarm["Properties"]["AlarmDescription"])
        assert page in headings


def test_the_queue_is_encrypted_and_keeps_a_failure_as_long_as_can_be(template):
    queue = properties(template, "FailureQueue")

    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
