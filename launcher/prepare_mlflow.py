"""Make the MLflow store of this home: ``python -m launcher.prepare_mlflow``."""

from model_zoo.config import load_settings
from model_zoo.registry import prepare

if __name__ == "__main__":
    prepare(load_settings())
