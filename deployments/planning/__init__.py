"""`fraudray plan llm`: latency, throughput, replicas and cost of serving a reasoning model, by sums."""
