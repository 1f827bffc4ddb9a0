"""Run the command line: ``python -m wpbench``."""

from .commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
