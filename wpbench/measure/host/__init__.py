"""Plans for a kernel, guests that run it, and the table and trace that come back."""
