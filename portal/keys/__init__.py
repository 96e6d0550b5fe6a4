"""API keys: recognisable, checkable offline, stored only as a hash."""
