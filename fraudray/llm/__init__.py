"""How a model is run by vLLM: its typed description, the one for this machine, and a tiny one to try it with."""
