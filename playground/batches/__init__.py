"""The Batch API: files of prompts that are answered when there is room."""
