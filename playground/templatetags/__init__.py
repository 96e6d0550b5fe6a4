"""The playground's template tags."""
