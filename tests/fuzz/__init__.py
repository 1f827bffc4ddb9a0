"""Hostile inputs, drawn at random: nothing lost, nothing wrong in silence, no dead process.

A module a surface: what its ``one(random, folder)`` draws, ``run.py`` gives to wpbench again and
again.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # surfaces elsewhere: the runner's own test has some
