"""Looking at runs in a browser: tiles of the assembled detector, what serves them, the page."""
