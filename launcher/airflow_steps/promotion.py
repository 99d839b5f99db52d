"""The promotion as Airflow sees it: who approved it, and the asset that says that it happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Asset, AssetAlias, Context

from launcher.airflow_steps.asset_uri import asset_uri
from launcher.airflow_steps.notices import tell_of_promotion
from launcher.airflow_steps.operator import StepOperator
from model_zoo.settings import Project


def production_of(project: Project) -> Asset:
    """The asset ``catwalk://<project>/production``: updated whenever a run moves the alias."""
    return Asset(name=f"{project.name}-production", uri=asset_uri(project))


class PromoteOperator(StepOperator):
    """The step ``promote``; updates the asset only where production did move.

    An outlet of Airflow's is updated whenever its task succeeds, and a version that stays candidate
    is no failure. So the outlet is an alias, which stands for the asset once something happened.
    """

    def __init__(self, *, asset: Asset, asked: str, **kwargs: Any) -> None:
        """
        Args:
            asked: id of the task that asks for an approval.
        """
        self.alias = AssetAlias(f"{asset.name}-moved")
        super().__init__(step="promote", outlets=[self.alias], **kwargs)
        self.asset = asset
        self.asked = asked

    def approved_by(self, context: Context) -> str:
        answer = context["ti"].xcom_pull(task_ids=self.asked)
        if not answer or ApprovalOperator.APPROVE not in answer["chosen_options"]:
            return ""
        user = answer.get("responded_by_user") or {}
        return str(user.get("name") or user.get("id") or "somebody in Airflow")

    def execute(self, context: Context) -> dict[str, Any]:
        facts = super().execute(context)
        if facts["promoted"]:
            extra = {"version": facts["version"], "why": facts["why"]}
            context["outlet_events"][self.alias].add(self.asset, extra=extra)
            tell_of_promotion(Path(self.project).stem, facts)
        return facts
