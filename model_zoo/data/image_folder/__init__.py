"""Anybody's images: class folders, metadata files or tables, here or at any fsspec URL.

``source.py`` tells the story: list the files, see what they say of class and part, decode what is
new, divide. Importing this registers the source.
"""

from model_zoo.data.image_folder import source

__all__ = ["source"]
