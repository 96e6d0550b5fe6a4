"""Measurements that print tables and fail nothing."""
