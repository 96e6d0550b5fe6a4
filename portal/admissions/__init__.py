"""Programmes, their questions, and applications under review."""
