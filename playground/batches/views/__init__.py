"""The doors of files and batches: for programs with a key, and for people."""
