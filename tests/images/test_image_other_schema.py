"""A model of a wholly different schema on both images: the same answers as its documents."""

import json

import pytest
from http_events import event, read
from image_runs import AS_SPACE, JSON
from other_schema import BAD, GOOD, SHOPPERS, Shop, cells_of, expect, open_shop
from podman import Container

# The first of them bootstraps a base image and builds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    root = tmp_path_factory.mktemp("shop")
    root.chmod(0o755)
    return open_shop(root, request.param)


def mounted(shop: Shop) -> tuple[str, ...]:
    return ("--volume", f"{shop.models}:/models:ro", "--env", "CHURN_MODELS=/models")


def check_batch(text: str) -> None:
    assert [(row["prediction"], row["probability"], row["tier"]) for row in cells_of(text)] == [
        (score.label, score.printed, score.tier) for score in (expect(shopper.typed) for shopper in SHOPPERS)
    ]


def test_the_space_answers_by_the_schema_of_a_mounted_model(spaces_image, shop):
    with Container(spaces_image, (*AS_SPACE, *mounted(shop))).wait() as container:
        for shopper in SHOPPERS:
            status, headers, body = container.ask("POST", "/v1/customer", json.dumps(shopper.typed).encode(), JSON)
            assert (status, headers["x-model-version"]) == (200, "3.1.4")
            assert json.loads(body) == {"Prediction": expect(shopper.typed).label}
        row, sentence = next(iter(BAD.values()))
        status, _, body = container.ask("POST", "/v2/customers", json.dumps(row).encode(), JSON)
        assert (status, json.loads(body)["errors"][0]["message"]) == (422, sentence)
        status, _, body = container.ask("POST", "/v2/batches", shop.file, {"Content-Type": "text/csv"})
        assert status == 200
        check_batch(body.decode())
        page = container.ask("GET", "/", headers={"Accept": "text/html"})[2].decode()
        assert "within 30 days of the last order" in page


def test_the_function_answers_by_it_and_scores_a_file_of_the_bucket(start_bucket_function, shop, bucket):
    with start_bucket_function(*mounted(shop)) as container:
        request = event("http_api_v2", "/v2/customers", body=json.dumps(GOOD.row).encode(), headers=JSON)
        answer = read("http_api_v2", container.invoke(request))
        assert f"{answer.json['probability']:.4f}" == expect(GOOD.typed).printed
        assert container.invoke(GOOD.typed) == {"Prediction": expect(GOOD.typed).label}
        done = container.invoke(bucket.put("shoppers.csv", shop.file))

    assert not done or "errorMessage" not in done, done
    check_batch(bucket.results_of("shoppers.csv")["predictions.csv"].decode())
