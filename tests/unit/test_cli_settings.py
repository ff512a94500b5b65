"""Settings: one reader of the environment and of `.env`, which names what is wrong."""

import inspect
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import worker
from analyzers.ai.config import AiConfig
from cli.errors import UserError
from cli.stack import lifecycle as stacks
from cli.stack.model import Stack
from contract.errors import PlatformError
from settings import PROJECT_ROOT, Settings, load_settings

DOTENV = """
ASSAY_AI_BASE_URL=http://127.0.0.1:9/v1
ASSAY_AI_API_KEY="sk-secret"
assay_ai_models=small, large
ASSAY_AI_PRICES=small=0.15/0.6,large=2/8
ASSAY_AI_BUDGET_USD=0.5
ASSAY_AI_SEED=11
ASSAY_AI_JSON_MODE=no
ASSAY_AI_SLOTS=3
"""
READ_BY_THE_ANALYZER = set(
    re.findall(r"ASSAY_AI_[A-Z_]+", inspect.getsource(AiConfig.from_environment))
) - {"ASSAY_AI_"}


@pytest.fixture(autouse=True)
def no_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("ASSAY_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(DOTENV)
    return path


def launched_with(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that the local stack's processes get."""
    seen: dict[str, str] = {}

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> Any:
        seen.update(env)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(stacks.subprocess, "run", run)
    monkeypatch.setattr(tempfile, "tempdir", str(settings.data_dir.parent))
    stack = Stack(str(settings.data_dir), 1, 2, dict.fromkeys(settings.analyzer_urls, 3))
    stack.run_dir.mkdir(parents=True)
    stacks._launch(stack, settings)
    return seen


def test_the_ai_analyzer_of_the_local_stack_gets_what_dotenv_says(
    dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=dotenv, data=tmp_path / "data")

    config = AiConfig.from_environment(launched_with(settings, monkeypatch))

    assert (config.base_url, config.api_key) == ("http://127.0.0.1:9/v1", "sk-secret")
    assert config.models == ("small", "large")
    assert config.prices["large"].output_usd == 8
    assert (config.budget_usd, config.seed, config.json_mode) == (0.5, 11, False)


def test_the_environment_wins_over_dotenv(
    dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_AI_MODELS", "other")
    monkeypatch.setenv("ASSAY_AI_PRICES", "other=1/1")
    settings = Settings(_env_file=dotenv, data=tmp_path / "data")

    config = AiConfig.from_environment(launched_with(settings, monkeypatch))

    assert config.models == ("other",)


def test_every_variable_the_ai_analyzer_reads_is_a_setting_and_documented() -> None:
    known = {f"ASSAY_{name.upper()}" for name in Settings.model_fields}
    guide = (PROJECT_ROOT / "docs/operations.md").read_text()

    assert known >= READ_BY_THE_ANALYZER
    assert all(f"`{name}`" in guide for name in READ_BY_THE_ANALYZER)


def test_docker_compose_hands_on_every_variable_the_ai_analyzer_reads() -> None:
    compose = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())

    assert compose["services"]["ai"]["environment"].keys() >= READ_BY_THE_ANALYZER


def test_a_wrong_ai_variable_is_named_before_anything_starts(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data=tmp_path, ai_models="small", ai_budget_usd="1")

    with pytest.raises(UserError, match="ASSAY_AI_BUDGET_USD"):
        stacks._check_ai(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_APP_MEMORY_MB", "lots"),
        ("ASSAY_LOG_LEVEL", "chatty"),
        ("ASSAY_ANALYZER_URLS", "nonsense"),
        ("ASSAY_ANALYZER_URLS", '{"statik": "ws://x"}'),
        ("ASSAY_DATA", "~nosuchuser/x"),
    ],
)
def test_a_wrong_setting_is_named_by_commands_and_worker_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(PlatformError, match=name):
        load_settings()
    assert worker.main() == 2
    assert name in capsys.readouterr().err


def test_a_level_is_written_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_LOG_LEVEL", "debug")

    assert load_settings().log_level == "DEBUG"


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999"])
def test_a_metrics_address_that_is_none_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.setenv("ASSAY_METRICS_ADDRESS", address)

    assert worker.main() == 2
    assert f"ASSAY_METRICS_ADDRESS {address}" in capsys.readouterr().err


def test_a_dotenv_that_is_no_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b"ASSAY_HOST=\xff\xfe\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")

    with pytest.raises(PlatformError, match="not UTF-8"):
        load_settings()


def test_a_worker_without_a_data_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "file" / "data"))

    assert worker.main() == 2
    assert str(tmp_path / "file" / "data") in capsys.readouterr().err


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, token_file=tmp_path / "nowhere")

    with pytest.raises(PlatformError, match=f"ASSAY_TOKEN_FILE {tmp_path}/nowhere"):
        _ = settings.token
