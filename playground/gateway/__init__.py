"""The OpenAI-compatible API: an ASGI application of its own, ahead of Django."""
