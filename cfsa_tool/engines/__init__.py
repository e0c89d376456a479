"""The engines of a run: servers, vLLM in this process, or local weights."""
