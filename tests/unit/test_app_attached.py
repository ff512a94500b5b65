"""What tools keep beside their reports for a reader of one weakness: paths, requests, series."""

import json

import httpx

from analyzers.dynamic.answer import Answer, Sent
from analyzers.dynamic.exchanges import BODY_CHARS, Exchanges, document_of, secrets_of
from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.tools.browser import shots_of
from analyzers.performance.usage import Sample, UsageLog
from analyzers.static.flows import document, steps_of
from contract.attached import exchange_key


def place(line: int, text: str = "x") -> list:
    return [{"path": "a.py", "start": {"line": line, "col": 1}, "end": {"line": line}}, text]


def variable(line: int) -> dict:
    return {"location": place(line)[0], "content": "x"}


def code(_path: str, line: int) -> str:
    return f"    line {line}"


def test_a_path_leads_into_a_function_and_to_the_harm_in_it():
    trace = {
        "taint_source": ["CliLoc", place(11)],
        "intermediate_vars": [variable(11), variable(12)],
        "taint_sink": ["CliCall", [place(13), [variable(5), variable(6)], ["CliLoc", place(7)]]],
    }

    steps = steps_of(trace, "a.py", code)

    assert [step["line"] for step in steps] == [11, 12, 13, 5, 6, 7]
    assert [step["role"] for step in steps] == ["source", *["step"] * 4, "sink"]
    assert steps[-1]["text"] == "line 7"


def test_a_source_in_a_function_comes_before_its_call():
    inner = ["CliLoc", place(2)]
    trace = {
        "taint_source": ["CliCall", [place(9), [variable(3)], inner]],
        "taint_sink": ["CliLoc", place(10)],
    }

    assert [step["line"] for step in steps_of(trace, "a.py", code)] == [2, 3, 9, 10]


def test_a_trace_that_is_not_understood_has_no_steps():
    for trace in ({}, {"taint_source": 7, "taint_sink": ["CliCall", []]}, {"taint_sink": None}):
        assert steps_of(trace, "a.py", code) == []
    assert json.loads(document({"k": []})) == {"k": []}


def finding(rule: str = "object-read-by-other-user"):
    return make_finding("access-control", rule, "text", service="app", path="/notes/7")


def answer(body: str, **headers: str) -> Answer:
    asked = httpx.Headers({"Authorization": "Bearer abcdef123456", "Accept": "*/*"})
    sent = Sent(asked, b'{"password": "hunter22", "title": "a"}', 38)
    return Answer("POST", "/notes/7", 201, httpx.Headers(headers), body.encode(), 0.1, sent=sent)


def test_an_exchange_is_whole_and_has_no_login():
    logins = secrets_of([{"Authorization": "Bearer abcdef123456"}, {"Cookie": "sid=98765432zz"}])
    kept = Exchanges("access-control", logins)
    shown = answer(
        "you are abcdef123456\nSECRET_KEY=topsecret\x00",
        **{"set-cookie": "sid=98765432zz; HttpOnly", "content-type": "text/plain"},
    )

    kept.add(finding(), (None, shown))
    ((row,),) = json.loads(document_of([kept])).values()

    assert row["request"].startswith("POST /notes/7 HTTP/1.1\n")
    assert '"title": "a"' in row["request"]
    assert row["status"] == 201
    assert "set-cookie: sid=***; HttpOnly" in row["answer"]
    for secret in ("abcdef123456", "98765432zz", "hunter22", "topsecret", "\x00"):
        assert secret not in row["request"] + row["answer"]


def test_a_long_answer_is_cut_and_says_by_how_much():
    kept = Exchanges("access-control")

    kept.add(finding(), [answer("ä" * (BODY_CHARS + 5))])
    ((row,),) = json.loads(document_of([kept])).values()

    assert row["cut"] == 10


def test_a_tool_with_a_thousand_findings_keeps_some_exchanges_of_them():
    kept = Exchanges("errors")
    for number in range(1_000):
        found = finding().model_copy(update={"fingerprint": f"v2-{number}"})
        kept.add(found, [answer("x")] * 9)

    rows = json.loads(document_of([kept]))

    assert sum(map(len, rows.values())) == 300
    assert {len(row) for row in rows.values()} == {4}


def test_exchanges_of_two_services_stand_beside_each_other():
    first, second = Exchanges("a"), Exchanges("b")
    first.add(finding(), [answer("one")])
    second.add(finding(), [answer("two")])

    rows = json.loads(document_of([first, second]))[exchange_key(finding())]

    assert [row["tool"] for row in rows] == ["a", "b"]
    assert document_of([Exchanges("nothing")]) == b""


def test_each_page_has_a_picture_of_its_own_whatever_its_service_is_called():
    assert shots_of("a/../b ü", 3) == ["a-b.png", "a-b-2.png", "a-b-3.png"]
    assert shots_of("///", 1) == ["service.png"]


def test_a_series_of_load_counts_from_its_first_sample_and_survives_a_restart():
    samples = [Sample(100.0, 5.0, 10), Sample(101.0, 5.5, 20), Sample(103.0, 0.2, 30)]

    (row,) = UsageLog(samples={"app": samples}).series()

    assert row == {
        "service": "app",
        "at_s": [0, 1, 3],
        "cpu_percent": [None, 50, 10],
        "memory_bytes": [10, 20, 30],
    }
