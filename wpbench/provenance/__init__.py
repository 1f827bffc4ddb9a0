"""Where a table comes from, written and read again: enough to make it anew."""
