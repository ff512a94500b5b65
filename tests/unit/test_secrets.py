"""Where a worker finds secrets, and how they are kept out of what is kept."""

import configparser
import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import settings as settings_module
from analyzers.ai.config import AiConfig
from analyzers.runtime.own_key import own_key
from analyzers.runtime.redact import Redaction
from cli.stack.model import Stack
from cli.stack.supervision import render_config
from contract.analysis import Coverage, Finding, MeasurementState, Severity, ToolReport
from contract.errors import ErrorCode, PlatformError
from contract.secret import SecretRef, keyed_digest
from settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(settings_module, "PROJECT_ROOT", tmp_path)
    monkeypatch.delenv("ASSAY_LOGIN_ANN", raising=False)
    return Settings(_env_file=None, data=tmp_path / "data")


ANN = SecretRef(env="ASSAY_LOGIN_ANN")


def test_a_variable_of_the_worker_wins_over_a_line_of_dotenv(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".env").write_text("ASSAY_LOGIN_ANN='p$HOME #1'\n")
    assert settings.secret(ANN) == "p$HOME #1"
    monkeypatch.setenv("ASSAY_LOGIN_ANN", "hunter2")
    assert settings.secret(ANN) == "hunter2"


def test_a_file_is_read_anew_each_time_without_its_last_line_end(settings: Settings):
    folder = settings.data_dir / "logins"
    folder.mkdir(parents=True)
    for value in ("one", " two "):
        (folder / "shop").write_text(f"{value}\n")
        assert settings.secret(SecretRef(file="shop")) == value


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (ANN, r"the login \{env: ASSAY_LOGIN_ANN\} is not set: the variable ASSAY_LOGIN_ANN"),
        (SecretRef(file="none"), r"\{file: none\} is not set: the file .*/logins/none"),
        (SecretRef(file="empty"), "missing or empty"),
        (SecretRef(file="folder"), "missing or empty"),
        (SecretRef(file="latin"), "not UTF-8 text"),
    ],
)
def test_a_secret_that_is_not_there_is_named_and_no_retry_helps(
    settings: Settings, ref: SecretRef, said: str
):
    folder = settings.data_dir / "logins"
    (folder / "folder").mkdir(parents=True)
    (folder / "empty").write_text("\n")
    (folder / "latin").write_bytes(b"\xff\xfe")
    with pytest.raises(PlatformError, match=said) as caught:
        settings.secret(ref)
    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert not caught.value.retryable


def test_nothing_a_worker_starts_inherits_what_it_was_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settings_module, "_taken", {})
    monkeypatch.setenv("ASSAY_LOGIN_ANN", "hunter2")
    monkeypatch.setenv("ASSAY_PAYLOAD_KEYS", "k1:secret")
    settings_module.take_secrets()

    left = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert "hunter2" not in left
    assert "k1:secret" not in left
    assert settings.secret(ANN) == "hunter2"


def test_secrets_reach_the_worker_of_the_local_stack_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASSAY_LOGIN_ANN", "hunter2")
    stack = Stack(str(settings.data_dir), 1, 2, dict.fromkeys(settings.analyzer_urls, 3))
    config = configparser.RawConfigParser()
    config.read_string(render_config(stack, settings, Path("/tmp/s.sock")))

    emptied = {
        name.removeprefix("program:")
        for name in config.sections()
        if 'ASSAY_LOGIN_ANN=""' in config.get(name, "environment", fallback="")
    }
    assert emptied == {"temporal", "static", "dynamic", "performance", "ai"}


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("payload_key", "payload_keys", lambda settings: settings.payload_key_text),
        ("db_url", "db_url", lambda settings: settings.database_url),
        ("token", "", lambda settings: settings.token),
        (
            "ai_api_key",
            "ai_api_key",
            lambda settings: AiConfig.from_environment(settings.ai_environment).api_key,
        ),
    ],
)
def test_a_secret_file_that_holds_nothing_is_no_reason_to_go_without(
    tmp_path: Path, field: str, value: str, read: Callable[[Settings], str]
):
    path = tmp_path / "secret"
    own = Settings(_env_file=None, **{f"{field}_file": path})
    wrong = (PlatformError, ValueError)
    with pytest.raises(wrong, match="No such file"):
        read(own)
    path.write_text("\n")
    with pytest.raises(wrong, match="is empty"):
        read(own)
    path.write_text("k:x\n")
    assert read(own) == "k:x"
    if value:
        both = Settings(_env_file=None, **{f"{field}_file": path, value: "k:y"})
        with pytest.raises(wrong, match="not both"):
            read(both)
        assert "k:x" not in repr(both)


def test_an_unset_file_may_be_an_empty_variable(monkeypatch: pytest.MonkeyPatch):
    for name in ("DB_URL", "PAYLOAD_KEY", "TOKEN", "AI_API_KEY", "ALERTS"):
        monkeypatch.setenv(f"ASSAY_{name}_FILE", "")
    settings = Settings(_env_file=None)
    assert settings.database_url.startswith("sqlite")
    assert (settings.payload_key_text, settings.token, settings.alerts_file) == ("", None, None)
    assert "ASSAY_AI_API_KEY_FILE" not in settings.ai_environment


def test_an_analyzers_key_is_its_own_and_stays(tmp_path: Path):
    key = own_key(tmp_path / "key")
    assert own_key(tmp_path / "key") == key
    assert own_key(tmp_path / "other") != key
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_a_digest_of_secrets_is_worth_nothing_without_the_key():
    secrets = {"auth_password": "hunter2"}
    plain = hashlib.sha256(json.dumps(secrets).encode()).hexdigest()
    digest = keyed_digest(b"k" * 32, secrets)
    assert digest not in (plain, hmac.new(b"", json.dumps(secrets).encode(), "sha256").hexdigest())
    assert digest != keyed_digest(b"k" * 32, {"auth_password": "hunter3"})
    assert digest != keyed_digest(b"j" * 32, secrets)
    assert keyed_digest(b"k" * 32, {}) == ""


def report_of(text: str) -> ToolReport:
    return ToolReport(
        tool="probe",
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="urls", reached=1, items=(text,)),
        findings=(
            Finding(
                tool="probe",
                rule_id="weak-password",
                message=text,
                evidence=text,
                severity=Severity.HIGH,
            ),
        ),
        data={"deep": [{"in": text}]},
    )


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("correct horse", "correct horse"),
        ("correct horse", "correct+horse"),
        ("correct horse", "correct%20horse"),
        ('a"b<c>&d', "a&quot;b&lt;c&gt;&amp;d"),
        ('a"b<c>&d', 'a\\"b<c>&d'),
        ("Bearer abcdef-123456", "abcdef-123456"),
        ("sid=0123456789; theme=dark-blue", "0123456789"),
        ("hunter2", "hunter2"),
    ],
)
def test_an_app_that_shows_the_secret_does_not_bring_it_into_a_report(secret: str, shown: str):
    clean = Redaction({"x": secret}).report(report_of(f"it said: {shown}."))

    assert shown not in clean.model_dump_json()
    assert clean.findings[0].message == "it said: ***."
    assert clean.findings[0].rule_id == "weak-password"


def test_a_short_secret_takes_nothing_else_with_it():
    clean = Redaction({"x": "weak"}).report(report_of("weak weakness"))
    assert clean.findings[0].message == "*** weakness"
    assert clean.findings[0].rule_id == "weak-password"


def test_a_word_of_three_letters_is_no_secret():
    assert Redaction({"x": "the"}).text("the end") == "the end"


def test_a_file_keeps_its_length(tmp_path: Path):
    path = tmp_path / "shot.png"
    path.write_bytes(b"\x89PNG\xff hunter22 \x00")
    Redaction({"x": "hunter22"}).files([path])
    assert path.read_bytes() == b"\x89PNG\xff ******** \x00"
