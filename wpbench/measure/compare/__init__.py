"""Measured beside simulated."""
