"""Everything on one machine: `manage.py up`."""
