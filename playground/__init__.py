"""Conversations with prototype models, dispatched through Celery to vLLM."""
