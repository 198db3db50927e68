"""The official MCP conformance suites and Inspector against the six servers as they are really served."""
