"""``wpbench sweep``: a grid file, a store, and the workers of this machine or of Dask."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..bounds import add_max_runs, number_of
from ..errors import SweepError, one_line
from ..output import add_output_options, check_outputs, write_outputs

_MOST_FAILURES = 5  # that are printed
_DASK_SECONDS = 30  # to find a scheduler


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Simulate a grid file's scenarios and keep each row in a store.  After a stop, the "
        "same command continues.  Exit status 1 if a scenario failed."
    )
    parser.add_argument("grid", metavar="GRID.toml", help="a file, or the name of a shipped grid")
    parser.add_argument("--store", default="out/sweep", metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--seeds", type=number_of("seeds"), metavar="N", help="default: the grid file's"
    )
    parser.add_argument(
        "--workers", type=number_of("workers"), metavar="N", help="default: one for each CPU"
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="do the runs on this Dask scheduler's workers, or on those of a 'local' cluster",
    )
    parser.add_argument("--max-hours", type=number_of("max_hours"), default=24.0, metavar="H")
    add_max_runs(parser)
    parser.add_argument(
        "--table",
        action="store_true",
        help="print the answer and the central table: copies with the patch off and on",
    )
    parser.add_argument(
        "--full", action="store_true", help="the same, then every drain policy and value"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the time, memory and disk needed, and do nothing",
    )
    add_output_options(parser)
    parser.set_defaults(do=_sweep)


@contextmanager
def _dask(address: str | None, workers: int | None) -> Iterator[Any]:
    """Give Dask's executor, None without an address."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise SweepError("--dask needs Dask: pip install 'wpbench[cluster]'") from None
    if address == "local":
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor()
        return
    try:
        client = Client(address, timeout=_DASK_SECONDS)
    except (OSError, ValueError) as error:
        raise SweepError(f"--dask: no scheduler answers at {address!r}: {error}") from None
    with client:
        yield client.get_executor()


def _print_rates(table: Any, grid: Any, full: bool) -> None:
    from ..tables.off_on import off_and_on
    from ..tables.rates import axis_of, rates
    from ..text.rates import format_answer, format_off_and_on, format_rates

    x = axis_of(grid)
    made = rates(table, grid, x=x)
    both = off_and_on(table, grid, x=x)
    print(f"{grid.title}\n\n{format_answer(both, made)}", end="")
    if both is not None:
        print(f"\n{format_off_and_on(both)}", end="")
    if full or both is None:
        print(f"\n{format_rates(made)}", end="")
    else:
        print("\nEvery drain policy, every value, the intervals: --full")


def _sweep(options: argparse.Namespace) -> int:
    from ..scenario import load_grid
    from ..sweep.run import estimate_sweep, sweep

    grid = load_grid(options.grid, max_runs=options.max_runs)
    check_outputs(options)
    given = {"store": options.store, "seeds": options.seeds, "max_runs": options.max_runs}
    try:
        with _dask(options.dask, options.workers) as executor:
            given |= {"executor": executor, "workers": options.workers}
            if options.dry_run:
                found = estimate_sweep(grid, **given)
                print(found)
                found.check(options.max_hours)
                return 0
            table = sweep(grid, **given, max_hours=options.max_hours)
    except KeyboardInterrupt as stop:
        print(f"wpbench sweep: {str(stop) or 'stopped'}", file=sys.stderr)
        return 130
    failed = table[table["error"] != ""]
    written = write_outputs(options, table)
    if (options.table or options.full) and len(failed) < len(table):
        _print_rates(table, grid, options.full)
    elif not written:
        print(f"{grid.title}: {len(table)} rows, {len(failed)} failed, in {options.store}")
    for error, rows in list(failed.groupby("error", sort=False))[:_MOST_FAILURES]:
        print(f"wpbench sweep: {len(rows)} rows failed: {one_line(error)}", file=sys.stderr)
    return 1 if len(failed) else 0
