"""python tests/twin_replay.py FILE...: how a recorded trace and the twin agree, a line a file."""

import sys
from pathlib import Path

from twin.trace import replay, summary


def main(paths):
    for path in paths:
        print(f"{Path(path).name.removesuffix('.csv.gz'):46} {summary(replay(path))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
