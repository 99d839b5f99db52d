"""Make the MLflow store of this home, with each project's experiment in it.

python -m launcher.local.prepare_mlflow
"""

from launcher.airflow_steps.projects import readable_projects
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, load_project

if __name__ == "__main__":
    places = Places.load()
    for project in readable_projects() or [load_project(places=places)]:
        ensure_experiment(store_of(project, places))
