"""A client of a running fraudray server, for Python and the command line."""

from fraudray.client.client import Client

__all__ = ["Client"]
