"""Log lines: what they are about, what they must not tell, how they look."""
