"""The tabs of the administration; every room registers its own pages there."""

from apps.core.registries import admin_tabs

__all__ = ["admin_tabs"]
