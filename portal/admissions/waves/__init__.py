"""Waves from the waiting list: planned under a sealed seed, drawn at their time, and proved afterwards."""
