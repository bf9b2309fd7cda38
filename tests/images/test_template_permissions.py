"""Who may do what on AWS, by the template of serverless.yml."""

from cloudformation import allowed, as_list, granted, of_type, properties

from app.jobs import layout
from app.jobs.uploads import RECEIPT


def test_the_api_may_accept_uploads_and_read_their_results_and_nothing_else(template):
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
    lists = [statement["Condition"] for statement in allowed(role) if statement["Action"] == "s3:ListBucket"]
    assert lists == [{"StringLike": {"s3:prefix": f"{folder}/uploads/*"}} for folder in ("incoming", "results")]


def test_the_batch_function_may_read_the_inbox_and_write_results_and_nothing_else(template):
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

    conditions = {
        statement["Principal"]["Service"]: statement["Condition"]
        for statement in statements
        if statement["Effect"] == "Allow"
    }

    assert conditions == {
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        "events.amazonaws.com": {
            "ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [rule, "Arn"]} for rule in ("FileDone", "FileFailed")]}
        },
    }
