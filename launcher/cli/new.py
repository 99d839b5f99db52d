"""`catwalk new NAME --images PATH`: look at images, and write the project that trains on them."""

from __future__ import annotations

import argparse
import os


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the project: a-z, 0-9, - and _")
    parser.add_argument(
        "--images",
        required=True,
        metavar="PATH|URL",
        help="a folder with one folder a class, a table of paths and classes (.csv, .jsonl, "
        ".parquet), or either as fsspec spells it (s3://bucket/folder)",
    )


def run(given: argparse.Namespace) -> int:
    """Every file is read and kept as it will be trained on: nothing is done twice."""
    from launcher.cli.look import print_looked
    from model_zoo.data.image_folder.report import counts_by_class, sample
    from model_zoo.data.image_folder.source import NAME, check_broken, found_of, look
    from model_zoo.files import complete_or_absent
    from model_zoo.runs.machine import gpus
    from model_zoo.runs.new_project import data_settings, fitting, project_file, project_path
    from model_zoo.settings import DataSettings, Places

    places = Places.load()
    path = project_path(given.name, places)
    images = given.images
    if "://" not in images:
        images = os.path.abspath(os.path.expanduser(images))
    fits = fitting(sample(DataSettings(source=NAME, images=images)), len(gpus()))
    data = data_settings(images, fits)
    looked = look(data, places.of(given.name), lambda words: print(words, flush=True))
    print_looked(given.name, looked)
    check_broken(looked, data)
    found_of(looked, data)  # or a sentence why nothing can be trained on them
    text = project_file(given.name, data, fits, counts_by_class(looked))
    with complete_or_absent(path) as partial:
        partial.write_text(text)
    print(
        f"\nWrote {path}: profile {fits.profile}, as there are {fits.why}. Go on with\n"
        f"  catwalk run --project {given.name}    train, judge and register a first version\n"
        f"  catwalk up --project {given.name}     MLflow, Airflow and the page"
    )
    return 0
