"""Edits that leave a finding the same, and edits that make it another one."""

import re
from pathlib import Path

import pytest

from analyzers.dynamic.findings import make_finding
from analyzers.runtime.source.identified import identified
from contract.analysis import Finding, Location, Severity
from tests.support.edits import SAME

CONTROLS = Path(__file__).parents[2] / "controls/careless-1"
# By file: a part of each statement at fault, and its CWE.
FLAWS = {
    "app1/app.py": {
        "SELECT id, title FROM notes WHERE shared = 1 AND": 89,
        "Results for": 79,
        "hashlib.md5": 328,
        "random.randint": 330,
        "subprocess.run": 78,
        "urlopen": 918,
        "pickle.loads": 502,
        "request.args.get('next'": 601,
    },
    "app2/backend/server.js": {
        "new Function(": 95,
        "exec(": 78,
        "fs.readFile(": 22,
        ".send('<h1>No product": 79,
        "jwt.decode(": 347,
    },
    "app2/backend/store.js": {"createHash(": 328},
}


def finding(path: str, line: int, cwe: int, **fields: object) -> Finding:
    place = Location(path=path, line=line)
    usual = {"tool": "t", "rule_id": "r", "message": "m", "severity": Severity.HIGH, "cwe": (cwe,)}
    return Finding.model_validate(usual | {"location": place} | fields)


def line_of(text: str, part: str) -> int:
    """The line of a part of a statement, whatever the quotes."""
    pattern = re.sub(r"\\?['\"]", "['\"]", re.escape(part)).replace(r"\(", r"\(\s*")
    hit = re.search(pattern, text)
    assert hit, part
    return text[: hit.start()].count("\n") + 1


def known(folder: Path, path: str, text: str) -> list[tuple[str, str]]:
    """Fingerprint and shape of each flaw of a file with this text."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, newline="")
    flaws = [finding(path, line_of(text, part), cwe) for part, cwe in FLAWS[path].items()]
    return [(found.fingerprint, found.shape) for found in identified(flaws, folder)]


@pytest.mark.parametrize("edit", SAME)
def test_a_finding_is_the_same_after(edit: str, tmp_path: Path):
    changed: list[str] = []
    edited = 0
    for path, flaws in FLAWS.items():
        text = (CONTROLS / path).read_text()
        other = SAME[edit](f".{path.rpartition('.')[2]}", text)
        edited += other != text
        before, after = known(tmp_path, path, text), known(tmp_path, path, other)
        changed += [part for part, old, new in zip(flaws, before, after, strict=True) if old != new]

    assert edited > 1
    assert not changed


def test_neither_message_nor_rule_nor_tool_nor_cwe_of_one_family_count(tmp_path: Path):
    (tmp_path / "a.py").write_text("def f(db, q):\n    db.execute('SELECT ' + q)\n")
    one = finding("a.py", 2, 89)
    others = [
        finding("a.py", 2, 89, message="reworded in version 2"),
        finding("a.py", 2, 564, rule_id="S608", tool="ruff", severity=Severity.LOW),
        finding("a.py", 2, 89).model_copy(
            update={"location": Location(path="a.py", line=2, column=16, end_line=2)}
        ),
    ]

    first, *same = identified([one, *others], tmp_path)

    assert {found.fingerprint for found in same} == {first.fingerprint}


PYTHON = """
from flask import request

def search(db):
    term = request.args.get("q")
    return db.execute("SELECT id FROM notes WHERE t = '" + term + "'")
"""
SCRIPT = """
app.get("/search", (req, res) => {
  const { q } = req.query;
  res.send("<h1>" + q + "</h1>");
});
"""
APART = {
    "other parameter": (PYTHON, '"q"', '"name"'),
    "other sink": (PYTHON, "db.execute", "db.executescript"),
    "other function": (PYTHON, "def search", "def find"),
    "other statement of SQL": (PYTHON, "FROM notes", "FROM users"),
    "a method of a class": (
        PYTHON,
        "\ndef search(db):\n    ",
        "\nclass A:\n  def search(db):\n    ",
    ),
    "one value more": (PYTHON, 'term + "\'"', 'term + "\' AND o = " + request.args["o"]'),
    "other route": (SCRIPT, '"/search"', '"/find"'),
    "other method": (SCRIPT, "app.get", "app.post"),
    "other parameter taken out": (SCRIPT, "{ q }", "{ name: q }"),
    "other answer": (SCRIPT, "res.send", "res.write"),
}


@pytest.mark.parametrize("edit", APART)
def test_a_finding_is_another_one_with(edit: str, tmp_path: Path):
    text, old, new = APART[edit]
    assert old in text
    path = "a.py" if text is PYTHON else "a.js"
    edited = text.replace(old, new)
    line = next(n for n, row in enumerate(text.split("\n"), 1) if "SELECT" in row or "<h1>" in row)
    moved = line + edited.count("\n") - text.count("\n")

    found: list[str] = []
    for name, source, at in (("one", text, line), ("two", edited, moved)):
        (tmp_path / name).mkdir()
        (tmp_path / name / path).write_text(source)
        found += [one.fingerprint for one in identified([finding(path, at, 89)], tmp_path / name)]

    assert found[0] != found[1]


SERVER = """
from flask import Flask

app = Flask(__name__)
app.run(host="0.0.0.0", port=5000, debug=True)
"""
COOKIE = """
from flask import make_response

def login(sid):
    answer = make_response("")
    answer.set_cookie("sid", sid, httponly=False, secure=True, path="/a")
    return answer
"""
OPTIONS = """
app.get("/login", (req, res) => {
  res.cookie("sid", req.query.sid, { httpOnly: false, secure: true, path: "/a" });
});
"""
COMMAND = """
import subprocess

def look(name):
    return subprocess.run("ls " + name, shell=False, check=True)
"""
TOKEN = """
import jwt

def token_run(text, key):
    return jwt.decode(text, key).run(options={"verify_exp": False})
"""
CALL = """
def send(client, url):
    return client.run(url, verify=False, timeout=5)
"""
BESIDE = {
    "debug of a binding": (SERVER, 605, "debug=True", "debug=False"),
    "a switch less": (SERVER, 605, ", debug=True", ""),
    "a switch more": (SERVER, 605, "debug=True", "debug=True, threaded=True"),
    "a switch in front": (SERVER, 605, "(host", "(load_dotenv=False, host"),
    "port of a binding": (SERVER, 605, "port=5000", "port=8080"),
    "host of a debug mode": (SERVER, 489, '"0.0.0.0"', '"127.0.0.1"'),
    "no host of a debug mode": (SERVER, 489, 'host="0.0.0.0", ', ""),
    "another flag of a cookie": (COOKIE, 1004, "secure=True", "secure=False"),
    "path of a cookie": (COOKIE, 1004, 'path="/a"', 'path="/b"'),
    "another flag of a cookie of a script": (OPTIONS, 1004, "secure: true", "secure: false"),
    "path of a cookie of a script": (OPTIONS, 1004, '"/a"', '"/b"'),
    "time of a connection": (CALL, 295, "timeout=5", "timeout=9"),
    "another switch of a command": (COMMAND, 78, "check=True", "check=False, timeout=5"),
    "a switch of a call with a flaw": (
        PYTHON,
        89,
        'term + "\'")',
        'term + "\'", prepare=False, retries=-1)',
    ),
}


@pytest.mark.parametrize("edit", BESIDE)
def test_a_setting_that_the_weakness_is_not_about_does_not_count(edit: str, tmp_path: Path):
    text, cwe, old, new = BESIDE[edit]
    assert old in text
    path = "a.js" if text is OPTIONS else "a.py"
    line = next(
        n for n, row in enumerate(text.split("\n"), 1) if re.search(r"\.run|cookie|SEL", row)
    )
    (tmp_path / path).write_text(text)
    (before,) = identified([finding(path, line, cwe)], tmp_path)
    (tmp_path / path).write_text(text.replace(old, new))
    (after,) = identified([finding(path, line, cwe)], tmp_path)

    assert (before.fingerprint, before.shape) == (after.fingerprint, after.shape)


def test_a_finding_is_still_known_by_the_name_it_had_while_settings_counted(tmp_path: Path):
    (tmp_path / "a.py").write_text(SERVER)
    (found,) = identified([finding("a.py", 5, 605)], tmp_path)

    assert found.aliases == ("v2-8f66169b0c0a4c31831e56ca63bf7da0",)


OTHER = {
    "a shell": (COMMAND, 78, "shell=False", "shell=True"),
    "the flag of a cookie that is at fault": (COOKIE, 1004, "httponly=False", "httponly=True"),
    "what a token is checked for": (TOKEN, 347, "exp", "signature"),
    "what a connection is checked for": (CALL, 295, "verify=False", "check_hostname=False"),
    "what a debugger is": (SERVER, 489, "debug=True", "use_evalex=True"),
    "another cookie": (COOKIE, 1004, '"sid"', '"token"'),
    "another cookie by name": (COOKIE.replace('"sid", sid', 'key="sid"'), 1004, '"sid"', '"token"'),
    "a value that is no literal": (SERVER, 605, "port=5000", "port=port"),
    "another text of a call": (PYTHON, 89, '"SELECT', 'sql="SELECT'),
}


@pytest.mark.parametrize("edit", OTHER)
def test_what_is_no_setting_counts(edit: str, tmp_path: Path):
    text, cwe, old, new = OTHER[edit]
    assert old in text
    line = next(
        n for n, row in enumerate(text.split("\n"), 1) if re.search(r"\.run|_cookie|SEL", row)
    )
    known: set[str] = set()
    for source in (text, text.replace(old, new)):
        (tmp_path / "a.py").write_text(source)
        known |= {each.fingerprint for each in identified([finding("a.py", line, cwe)], tmp_path)}

    assert len(known) == 2


def test_two_flags_of_one_cookie_are_two_weaknesses(tmp_path: Path):
    """Also where one is mended and the other one begins: no decision goes over to it."""
    known: list[str] = []
    for http_only, secure in (("false", "false"), ("true", "false"), ("false", "true")):
        flags = f"{{httpOnly: {http_only}, secure: {secure}}}"
        (tmp_path / "a.js").write_text(
            f"function h(res, id) {{\n  res.cookie('s', id, {flags});\n}}"
        )
        numbers = [614] * (secure == "false") + [1004] * (http_only == "false")
        found = identified([finding("a.js", 2, number) for number in numbers], tmp_path)
        known += [each.fingerprint for each in found]

    no_secure, no_http_only, second, third = known
    assert no_secure == second != no_http_only == third


def test_other_files_families_and_neighbours_are_other_findings(tmp_path: Path):
    code = "def f(db, a):\n    db.execute('x' + a)\n    db.execute('y' + a)\n"
    (tmp_path / "a.py").write_text(code)
    (tmp_path / "b.py").write_text(code)
    findings = [
        finding("a.py", 2, 89),
        finding("b.py", 2, 89),
        finding("a.py", 2, 79),
        finding("a.py", 3, 89),
        finding("a.py", 2, 89).model_copy(update={"cwe": ()}),
    ]

    assert len({found.fingerprint for found in identified(findings, tmp_path)}) == len(findings)


def request(
    path: str = "/notes/7",
    rule: str = "sql-injection",
    service: str = "app",
    method: str = "GET",
    parameter: str = "q",
) -> str:
    found = make_finding(
        "t", rule, "m", service=service, method=method, path=path, parameter=parameter
    )
    return found.fingerprint


def test_a_request_is_known_by_operation_parameter_and_family():
    assert request() == request("/notes/12?x=1") == request("/notes/{note_id}")
    assert request() == request(rule="sql-injection-login-bypass")
    others = [
        request("/notes"),
        request(method="POST"),
        request(parameter="r"),
        request(service="other"),
        request(rule="reflected-xss"),
    ]
    assert len({request(), *others}) == len(others) + 1


def test_a_setting_of_a_service_is_one_on_every_page():
    header = {"rule": "missing-csp", "parameter": ""}
    cookie = {"rule": "cookie-without-httponly", "parameter": "sid"}

    assert request("/", **header) == request("/login", **header)
    assert request("/", **cookie) == request("/login", method="POST", **cookie)
    assert request("/", **cookie) != request("/", **cookie | {"parameter": "token"})
    assert request("/", **header) != request("/", **header | {"service": "other"})
