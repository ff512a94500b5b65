"""The static analyzer's tools, in the order a report lists them."""

from analyzers.runtime.tool import Tool
from analyzers.static.reputation import Reputations
from analyzers.static.tools.bandit import Bandit
from analyzers.static.tools.container_files import ContainerFiles
from analyzers.static.tools.detect_secrets import DetectSecrets
from analyzers.static.tools.eslint import Eslint
from analyzers.static.tools.hadolint import Hadolint
from analyzers.static.tools.html_validate import HtmlValidate
from analyzers.static.tools.jscpd import Jscpd
from analyzers.static.tools.lizard import Lizard
from analyzers.static.tools.loc import Loc
from analyzers.static.tools.mypy import Mypy
from analyzers.static.tools.npm_audit import NpmAudit
from analyzers.static.tools.opengrep import Opengrep
from analyzers.static.tools.pip_audit import PipAudit
from analyzers.static.tools.pylint import Pylint
from analyzers.static.tools.retire import Retire
from analyzers.static.tools.ruff import Ruff
from analyzers.static.tools.sbom import Sbom
from analyzers.static.tools.stylelint import Stylelint
from analyzers.static.tools.syntax import Syntax
from analyzers.static.tools.vulture import Vulture
from analyzers.static.tools.yaml_files import YamlFiles

TOOLS: tuple[Tool, ...] = (
    # security
    Opengrep(),
    Bandit(),
    Ruff(),
    Eslint(),
    DetectSecrets(),
    Hadolint(),
    ContainerFiles(),
    PipAudit(),
    NpmAudit(),
    Retire(),
    # quality
    Syntax(),
    Pylint(),
    Mypy(),
    Vulture(),
    Lizard(),
    Stylelint(),
    HtmlValidate(),
    YamlFiles(),
    Jscpd(),
    # inventory
    Loc(),
    Sbom(),
)
REPUTATIONS = Reputations(TOOLS)
