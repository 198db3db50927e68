"""Tests with a real language model: vLLM on the CPU, in the environment of `make install-llm`."""
