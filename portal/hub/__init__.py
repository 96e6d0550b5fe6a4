"""Weight downloads and their record."""
