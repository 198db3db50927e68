"""The life of investigations: begun with a decision or on request, run, followed, resumed after a restart."""

from fraudray.investigations.investigations import Investigations

__all__ = ["Investigations"]
