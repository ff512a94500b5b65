"""What an app asked for outside, and what it may have needed of what it did not get."""

import pytest

from clients import blame
from clients.excuses import Circumstances, excuse

DENIED = Circumstances(egress_denied=True)
OUTSIDE = {
    "node": "Error: getaddrinfo EAI_AGAIN api.openai.com",
    "requests": "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='hub.example.org',"
    " port=443): Max retries exceeded with url: /",
    "an address": "Error: connect ETIMEDOUT 8.8.8.8:443",
    "mongo": "pymongo.errors.ServerSelectionTimeoutError: c0.mongodb.net:27017: timed out",
    "a resolver without a name": "socket.gaierror: [Errno -3] Temporary failure in name resolution",
    "go": "dial tcp: lookup api.stripe.com: no such host",
}
INSIDE = {
    "a service by name": "Error: getaddrinfo ENOTFOUND db",
    "a service with a port": "redis.exceptions.ConnectionError: Error -3 connecting to redis:6379."
    " Temporary failure in name resolution.",
    "an address of its own network": "Error: connect ECONNREFUSED 172.18.0.3:5432",
    "itself": "ConnectionRefusedError: [Errno 111] ECONNREFUSED 127.0.0.1:6379",
    "a file that looks like a name": 'File "/app/db.py", line 3, in connect: ETIMEDOUT',
    "no network at all": "ValueError: invalid literal for int() with base 10: 'x'",
}


@pytest.mark.parametrize("log", OUTSIDE.values(), ids=OUTSIDE)
def test_an_app_that_asked_for_the_outside_is_excused_where_it_is_closed(log: str):
    found = excuse(log, DENIED)

    assert found is not None
    assert found[0] is blame.NETWORK_DENIED
    assert "egress: allow" in found[1]
    assert excuse(log, Circumstances()) is None


@pytest.mark.parametrize("log", INSIDE.values(), ids=INSIDE)
def test_its_own_services_are_not_the_outside(log: str):
    assert excuse(log, DENIED) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line", ["a." * 400 + " ENOTFOUND " + "[" * 200, "ETIMEDOUT " + "1." * 900]
)
def test_a_hostile_log_takes_no_time(line: str):
    assert excuse(f"{line}\n" * 2_000, DENIED) is None


def test_a_setting_that_was_not_honoured_excuses_what_may_come_of_it():
    under = Circumstances(not_honoured=("web: cap_add (capabilities are fixed)",))

    found = excuse("PermissionError: [Errno 1] Operation not permitted", under)

    assert found is not None
    assert found[0] is blame.NOT_HONOURED
    assert excuse("NameError: name 'x' is not defined", under) is None
