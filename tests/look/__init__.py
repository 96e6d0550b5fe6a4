"""How pages look: accessibility, width, and the browser's security policy."""
