"""Programmes and their questions: what changes them, and how they come from and go to the Hub."""
