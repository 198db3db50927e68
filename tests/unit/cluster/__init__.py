"""`fraudray cluster`."""
