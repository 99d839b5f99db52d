"""Make the MLflow store of this home: ``python -m launcher.local.prepare_mlflow``."""

from model_zoo.config import load_settings
from model_zoo.registry.versions import prepare

if __name__ == "__main__":
    prepare(load_settings())
