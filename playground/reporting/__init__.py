"""Reports of misuse and unsafe output: filed by developers, triaged by staff, kept as regression cases."""
