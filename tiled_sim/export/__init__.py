"""Files of other formats, written from a run."""
