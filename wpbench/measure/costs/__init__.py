"""The times of the machine's steps, measured here: a cost set (docs/measure.md)."""
