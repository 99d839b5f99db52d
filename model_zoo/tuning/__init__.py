"""The KerasTuner search: proposals by its oracles, trials in processes of their own.

``search`` leads a search, alone or as KerasTuner's chief; ``join`` runs trials for a chief.
"""

from model_zoo.tuning.leader import search
from model_zoo.tuning.worker import join

__all__ = ["join", "search"]
