"""`fraudray bench llm`: what investigations cost beyond the engine's own time, and what they save."""
