"""Tells Airflow which project files cannot be read, as the import error of this file.

An import error takes all DAGs of its file along, so it may not come from `retrain.py`: there the
other projects' DAGs live on. This file has no DAG of its own.
"""

from launcher.airflow_steps.projects import check_projects

check_projects()
