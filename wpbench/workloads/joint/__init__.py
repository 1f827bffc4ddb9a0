"""Every small program on two machines at once, compiled; litmus/search.py leads the search."""
