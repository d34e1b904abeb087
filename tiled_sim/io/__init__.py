"""Every file format: what is read, what is written, and the run store."""
