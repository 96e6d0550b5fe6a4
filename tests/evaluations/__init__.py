"""Tests of evaluations: suites, matchers, runs, grading, imports."""
