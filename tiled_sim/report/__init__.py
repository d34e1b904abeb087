"""What a run was, for people to read: a page of one file, and what notebooks show."""
