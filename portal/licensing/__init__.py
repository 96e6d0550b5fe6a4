"""Licences, their versions, and who accepted which text."""
