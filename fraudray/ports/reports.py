"""Where rendered reports are put, for readers who have no access to the API."""

from __future__ import annotations

from typing import Protocol


class ReportShelf(Protocol):
    """Keeps files and says where they open. Without one, reports are in the database and at the API's address only."""

    def put(self, name: str, content: bytes, content_type: str) -> str:
        """Keep a file under `name` (parts by "/"), replacing an earlier one; the address at which it opens for a while.

        Raises DeliveryFailed.
        """
        ...
