"""The playground's tasks."""
