"""The same workloads on the running kernel, and what they say beside the simulation."""
