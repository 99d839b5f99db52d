"""The projects that Airflow knows: those whose file can be read; what is wrong with the rest."""

from __future__ import annotations

from model_zoo.errors import UserError
from model_zoo.runs.checks import check_project
from model_zoo.settings import Places, Project, check_variables, list_projects, load_project


def readable_projects() -> list[Project]:
    """Projects of ``CATWALK_PROJECTS_DIR`` without a mistake, by name."""
    return [one for one in _each_project() if isinstance(one, Project)]


def check_projects() -> None:
    """Every project file, and every variable ``CATWALK_...``, can be read.

    Raises:
        UserError: one cannot; a sentence for each, with file and line.
    """
    check_variables()
    wrong = [str(one) for one in _each_project() if isinstance(one, UserError)]
    if wrong:
        raise UserError("\n".join(wrong))


def _each_project() -> list[Project | UserError]:
    places = Places.load()
    found: list[Project | UserError] = []
    for file in list_projects(places.projects_dir).values():
        try:
            project = load_project(str(file), places=places)
            check_project(project, places)
            found.append(project)
        except UserError as error:
            found.append(error)
    return found
