"""A project's settings in groups, from its file, profile and recipe; and where things lie."""

from model_zoo.settings.cleaning import Cleaning
from model_zoo.settings.data import DataSettings
from model_zoo.settings.environment import Environment, check_variables
from model_zoo.settings.export import OPTIONAL_FORMATS, ExportSettings
from model_zoo.settings.judging import JudgingSettings
from model_zoo.settings.model import NO_WEIGHTS, PUBLISHED, ModelSettings
from model_zoo.settings.places import CHECKOUT, Places
from model_zoo.settings.project import Project
from model_zoo.settings.projects import find_project, list_projects, load_project
from model_zoo.settings.search import SearchSettings
from model_zoo.settings.serving import Serving
from model_zoo.settings.training import Augmentation, TrainingSettings

__all__ = [
    "CHECKOUT",
    "NO_WEIGHTS",
    "OPTIONAL_FORMATS",
    "PUBLISHED",
    "Augmentation",
    "Cleaning",
    "DataSettings",
    "Environment",
    "ExportSettings",
    "JudgingSettings",
    "ModelSettings",
    "Places",
    "Project",
    "SearchSettings",
    "Serving",
    "TrainingSettings",
    "check_variables",
    "find_project",
    "list_projects",
    "load_project",
]
