"""`fraudray plan llm`: the sums."""
