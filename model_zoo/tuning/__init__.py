"""The KerasTuner search: proposals by its oracles, trials in processes of their own.

``search`` leads a search on this machine; ``run_share`` runs a share of a random one anywhere.
"""

from model_zoo.tuning.leader import search
from model_zoo.tuning.share import run_share
from model_zoo.tuning.space import Candidate

__all__ = ["Candidate", "run_share", "search"]
