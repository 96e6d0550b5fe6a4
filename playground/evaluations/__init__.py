"""Evaluations that prompt a model: suites of cases, runs on the served bytes, grading, and imports."""
