"""The investigator: a bounded conversation with a model about one decision. Knows no HTTP, MCP, SQL or Ray."""
