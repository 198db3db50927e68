"""Trying policies: the real engine on memory, on cases with expected outcomes, and two policies on one stream."""
