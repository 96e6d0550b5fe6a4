"""The OpenAI-compatible API, an ASGI application ahead of Django."""
