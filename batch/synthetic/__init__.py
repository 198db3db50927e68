"""A synthetic history in fraudray's own schema, with fraud of several kinds."""
