"""The projects that Airflow knows: those whose file can be read; what is wrong with the rest."""

from __future__ import annotations

from model_zoo.errors import UserError
from model_zoo.settings import Places, Project, check_variables, list_projects, load_project


def readable_projects() -> list[Project]:
    """Projects of ``CATWALK_PROJECTS_DIR`` whose file has no mistake, by name.

    Whether what they name exists is not looked at: that takes plugins, and longer than a DAG file
    may take. ``check_projects`` does, and so does each run before its first step.
    """
    return [one for one in _each_project() if isinstance(one, Project)]


def check_projects() -> None:
    """Every project file, and every variable ``CATWALK_...``, can be read and means something.

    Raises:
        UserError: one cannot; a sentence for each, with file and line.
    """
    from model_zoo.runs.checks import check_project

    check_variables()
    wrong = []
    for one in _each_project():
        try:
            if isinstance(one, UserError):
                raise one
            check_project(one, Places.load())
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError("\n".join(wrong))


def _each_project() -> list[Project | UserError]:
    places = Places.load()
    found: list[Project | UserError] = []
    for file in list_projects(places.projects_dir).values():
        try:
            found.append(load_project(str(file), places=places))
        except UserError as error:
            found.append(error)
    return found
