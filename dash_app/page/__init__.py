"""The page: one file a tab, mounted at ``/``."""

from dash_app.page.assemble import mount

__all__ = ["mount"]
