"""Starts things: Airflow and MLflow on this machine, the demo, and the steps as child processes."""
