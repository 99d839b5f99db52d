"""Anybody's images: class folders, metadata files or tables, here or at any fsspec URL.

``source.py`` tells the story: list the files, see what they say of class and part, decode what is
new, divide. Importing that registers the source; importing this alone is for the processes that
decode, which start in a tenth of the time without the rest.
"""
