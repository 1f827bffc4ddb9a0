"""How often, in real programs: write-protect faults counted by tracepoints (docs/programs.md)."""
