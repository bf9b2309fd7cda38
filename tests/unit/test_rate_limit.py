"""The rate limit: which customers it counts, what it states, which customers it leaves alone."""

import hashlib

import pytest

from app import wiring
from app.settings import Settings, SettingsError
from app.web import create_app
from app.web.rate_limit import MAX_CLIENTS, RateLimit, address_of

KEYS = ["first-key", "second-key"]
DIGESTS = tuple(hashlib.sha256(key.encode()).hexdigest() for key in KEYS)


class Clock:
    """A time that is until it is moved."""

    def __init__(self) -> None:
        self.now = 6_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(scorer, clock):
    return client_of(scorer, clock)


def client_of(scorer, clock, limit: str = "2/minute", **settings):
    counter = RateLimit(limit, clock)
    app = create_app(scorer, Settings(**settings), check_rate_limit=counter.check)
    app.after_request(counter.add_headers)
    return app.test_client()


def test_requests_beyond_the_limit_are_refused_with_when_to_come_again(limited, customer, clock):
    clock.now += 20.5
    answers = [limited.post("/v1/customer", json=customer) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit"] for answer in answers] == [
        '"requests";r=1;t=40',
        '"requests";r=0;t=40',
        '"requests";r=0;t=40',
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"requests";q=2;w=60'}
    assert ["Retry-After" in answer.headers for answer in answers] == [False, False, True]
    assert answers[2].headers["Retry-After"] == "40"
    assert answers[2].json["code"] == "too_many_requests"
    assert answers[2].json["detail"] == (
        "This address has sent more than 2 requests in one minute. Send the next one in 40 s."
    )


def test_the_next_window_starts_again(limited, customer, clock):
    for _ in range(3):
        limited.post("/v1/customer", json=customer)
    clock.now += 60

    assert limited.post("/v1/customer", json=customer).status_code == 200


def test_refused_customers_count_too(limited):
    assert [limited.post("/v1/customer", json={}).status_code for _ in range(3)] == [422, 422, 429]


@pytest.mark.parametrize("path", ["/", "/health", "/static/page.css"])
def test_what_costs_nothing_is_never_limited(limited, path):
    answers = [limited.get(path) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_metrics_are_limited_like_the_rest():
    client = wiring.build(Settings(rate_limit="2/day")).test_client()

    answers = [client.get("/metrics") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json["code"] == "too_many_requests"
    assert ["Retry-After" in answer.headers for answer in answers] == [False, False, True]


def test_with_keys_metrics_count_against_the_key_and_guesses_against_the_address(customer):
    client = wiring.build(Settings(rate_limit="2/day", api_keys=DIGESTS)).test_client()

    def status(key: str, path: str = "/metrics") -> int:
        return client.get(path, headers={"X-Api-Key": key}).status_code

    assert [status(KEYS[0], path) for path in ("/v2/model", "/metrics", "/metrics")] == [200, 200, 429]
    assert [status("a guess") for _ in range(3)] == [401, 401, 429]
    assert status(KEYS[1]) == 200


def test_whatever_needs_a_key_is_limited(scorer, clock):
    """A route of the server that is guarded by a key and not counted would be the case of /metrics again."""
    app = wiring.build(Settings(api_keys=DIGESTS))
    limited = wiring.build(Settings(rate_limit="1000/day")).test_client()
    paths = [rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and "<" not in rule.rule]

    guarded = {path for path in paths if app.test_client().get(path).status_code == 401}
    counted = {path for path in paths if "RateLimit" in limited.get(path).headers}

    assert "/metrics" in guarded
    assert counted == guarded


def test_each_address_has_its_own_count(limited, customer):
    def status(address: str) -> int:
        return limited.post("/v1/customer", json=customer, environ_base={"REMOTE_ADDR": address}).status_code

    assert [status("192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert status("192.0.2.2") == 200


def test_each_key_has_its_own_count_whatever_its_address(scorer, clock, customer):
    client = client_of(scorer, clock, api_keys=DIGESTS)

    def status(key: str, address: str) -> int:
        headers = {"X-Api-Key": key}
        environ = {"REMOTE_ADDR": address}
        return client.post("/v1/customer", json=customer, headers=headers, environ_base=environ).status_code

    assert [status(KEYS[0], f"192.0.2.{number}") for number in range(3)] == [200, 200, 429]
    assert status(KEYS[1], "192.0.2.0") == 200


def test_guesses_at_keys_are_counted_by_address(scorer, clock, customer):
    client = client_of(scorer, clock, api_keys=DIGESTS)

    statuses = [
        client.post("/v1/customer", json=customer, headers={"X-Api-Key": f"guess {number}"}).status_code
        for number in range(3)
    ]

    assert statuses == [401, 401, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "nobody"),
        (None, "nobody"),
        ("unix:", "nobody"),
    ],
)
def test_what_counts_as_one_address(address, client):
    assert address_of(address) == client


def test_a_flood_of_addresses_fills_no_memory(clock):
    counter = RateLimit("2/day", clock)
    for number in range(MAX_CLIENTS):
        counter.count(str(number))

    assert [counter.count(f"late {number}")[0] for number in range(3)] == [1, 2, 3]
    assert counter.count("0")[0] == 2


def forwarded(app, customer, addresses: list[str]) -> list[int]:
    client = app.test_client()
    return [
        client.post("/v1/customer", json=customer, headers={"X-Forwarded-For": address}).status_code
        for address in addresses
    ]


def test_a_forwarded_address_is_not_believed_unless_a_proxy_is_trusted(customer):
    app = wiring.build(Settings(rate_limit="1/day"))

    assert forwarded(app, customer, ["192.0.2.1", "192.0.2.2"]) == [200, 429]


def test_of_one_trusted_proxy_only_what_it_added_is_believed(customer):
    app = wiring.build(Settings(rate_limit="1/day", trusted_proxies=1))

    made_up = ["10.0.0.1, 192.0.2.1", "10.0.0.2, 192.0.2.1", "192.0.2.2"]
    assert forwarded(app, customer, made_up) == [200, 429, 200]


def test_the_scheme_is_the_proxys_only_where_one_is_trusted():
    headers = {"Accept": "text/html", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}

    pages = [
        wiring.build(Settings(trusted_proxies=proxies)).test_client().get("/", headers=headers).text
        for proxies in (0, 1)
    ]

    assert ["http://localhost/v1" in page for page in pages] == [True, False]
    assert ["https://localhost/v1" in page for page in pages] == [False, True]


def test_it_is_off_by_default(customer):
    assert "RateLimit" not in wiring.build(Settings()).test_client().post("/v1/customer", json=customer).headers


@pytest.mark.parametrize("value", ["600", "0/minute", "600/week", "600 / minute", "-1/minute", "600/MINUTE", "6_0/day"])
def test_what_is_no_rate_stops_the_start(value):
    with pytest.raises(SettingsError, match="CHURN_RATE_LIMIT must be a number of requests per second, minute"):
        Settings.from_environment({"CHURN_RATE_LIMIT": value})
