"""Only what three packages or more really share."""
