"""Releases, their frozen revisions and weight files."""
