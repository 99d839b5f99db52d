"""The page: one file a tab, mounted at ``/``."""

from dash_app.page.assemble import mount
from dash_app.page.context import Context

__all__ = ["Context", "mount"]
