"""Programs for the machine: jitted functions of a ``Machine`` and its ``Params``."""
