"""Several projects in one process: who is let go when memory is short, and what it finds again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model_zoo.predictor import ModelMemory, ProductionPredictor
from model_zoo.registry.promotion import promote
from model_zoo.settings import Serving

if TYPE_CHECKING:
    from tests.predictor.conftest import Home


class Project:
    """Holds what a test says."""

    def __init__(self, held_bytes: int, is_answering: bool = False) -> None:
        self.held_bytes, self.is_answering = held_bytes, is_answering

    def let_go(self) -> None:
        self.held_bytes = 0


def test_those_asked_longest_ago_go_first_and_no_more_than_needed() -> None:
    memory, projects = ModelMemory(100), [Project(40), Project(40), Project(40)]
    first, second, third = projects
    memory.loaded(first)
    memory.loaded(second)
    memory.used(first)
    memory.loaded(third)
    assert [one.held_bytes for one in projects] == [40, 0, 40]


def test_who_answers_and_who_was_just_asked_stay_whatever_they_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory, busy, large = ModelMemory(100), Project(90, is_answering=True), Project(500)
    memory.loaded(busy)
    memory.loaded(large)
    assert (busy.held_bytes, large.held_bytes) == (90, 500)
    assert "CATWALK_MODELS_MB" in caplog.text
    busy.is_answering = False
    memory.loaded(large)
    assert (busy.held_bytes, large.held_bytes) == (0, 500)


def test_one_that_was_let_go_follows_its_alias_and_comes_back(home: Home) -> None:
    memory = ModelMemory(1)
    predictor = ProductionPredictor(home.store, Serving.load(), home.places.cache_dir, memory)
    predictor.refresh()
    assert predictor.version == "1"
    memory.loaded(Project(1))
    assert (predictor.version, predictor.held_bytes) == ("1", 0)
    predictor.refresh()
    assert predictor.held_bytes == 0, "following loads nothing"
    assert predictor.current.version == "1" and predictor.held_bytes > 0

    predictor.let_go()
    promote(home.store, "2", "by a test")
    predictor.refresh()
    assert (predictor.version, predictor.held_bytes) == ("2", 0)
    assert predictor.current.version == "2"
    predictor.close()
