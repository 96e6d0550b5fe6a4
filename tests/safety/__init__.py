"""The safety gate."""
