"""Deciding a history again: columnar features, one partition at a time."""
