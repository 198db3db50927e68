"""The six tools as MCP servers: thin faces over the library's read tools, desk and reports."""
