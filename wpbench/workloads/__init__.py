"""Programs that run on the machine.  A workload is a jitted function of a machine and ``Params``."""
