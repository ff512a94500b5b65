"""How far judges agree, over a fleet: collects their answers app by app."""

from reports.model import AppReport
from reports.study.figures import Agreement


class JudgeAgreement:
    """A reducer: Krippendorff's alpha of each AI figure, per model and over the fleet."""

    def add(self, app: AppReport) -> None:
        """Take the answers of one app's judges."""

    def result(self) -> tuple[Agreement, ...]:
        """Fleet first, then each model."""
        return ()
