"""The figures of README and docs: `python tests/figures.py` writes them into docs/img anew."""

from pathlib import Path

import pandas as pd

import wpbench as wb
from wpbench import plots
from wpbench.measure.compare import shipped
from wpbench.tables.rates import rates

IMG = Path(__file__).resolve().parents[1] / "docs" / "img"
BACKENDS = ["zram", "zswap", "nvme"]
POLICIES = ["off", "if-not-lru", "all-cpus"]


def answer(folder):
    """The reproducer, patch off and on, and real programs: both measured; lines are simulated."""
    kernels = ["patch1", "patch2"]
    pages = [*range(1, 32), *range(32, 513, 4)]
    line = wb.simulate(wb.grid(kernel=kernels, npages=pages, rounds=100))
    rows = pd.read_csv(wb.data_dir() / "kernel-measurements" / "reproducer_sync.csv")
    rows = rows.rename(columns={"decision": "kernel"})
    points = rows[
        (rows["backend"] == "zram")
        & (rows["pattern"] == "read-write")
        & (rows["read_cpu"] == rows["write_cpu"])
        & (rows["fork_exit_before"] == 0)
        & rows["kernel"].isin(kernels)
    ]
    figure, first = plots.figure(11.0, 3.9)
    first.remove()
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    plots.copy_rate(line, left, measured=points)
    left.set_title("The reproducer on zram", fontsize=10)
    plots.programs(wb.programs.measured(), right, by="recipe")
    right.set_title("Real programs on Linux 6.18 (patch on), measured\n\n\n", fontsize=10)
    return plots.save(figure, Path(folder) / "answer")[0]


def central_scenarios():
    """Return those scenarios of the grid `cpus` that the figure shows."""
    shown = [
        s
        for s in wb.load_grid("cpus")
        if s.backend in BACKENDS
        and s.drain in {None, "if-not-lru", "all-cpus"}
        and (s.workload == "hand-over" or s.migration_rate == 0.1)
    ]
    return shown, wb.load_grid("cpus").seeds


def central(folder):
    """Copy rate over CPUs, by backend, workload and drain policy."""
    scenarios, seeds = central_scenarios()
    made = rates(wb.simulate(scenarios, seeds=seeds), x="cpus")
    title = "reproducer: threads that move before one write in ten (migration rate 0.1)"
    panels = plots.rate_panels(made, policies=POLICIES, title=title)
    return plots.save(panels, Path(folder) / "central")[0]


def agreement(folder):
    """Every trace and every row of data/kernel-measurements, measured against simulated."""
    parts = {"traces": shipped.compare_traces()}
    parts |= {name.removesuffix(".csv"): shipped.compare_shipped(name) for name in shipped.TABLES}
    drawn = pd.concat(
        [
            table.assign(source=name, copies_measured=table["copies_measured"].astype("Int64"))
            for name, table in parts.items()
        ],
        ignore_index=True,
    )
    figure, first = plots.figure(5.4, 5.6)
    first.remove()
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    plots.agreement(drawn, above, by="source", residuals=below)
    return plots.save(figure, Path(folder) / "agreement")[0]


def frontier(folder):
    """What the patch saves or costs a program on zram, over CPUs and migration rate."""
    grid = wb.grid(
        cpus=[2, 8, 32, 128],
        threads="cpus",
        migration_rate=[0.0, 0.1, 0.5, 0.9, 1.0],
        costs="server",
        npages=32,
        rounds=4,
    )
    priced = wb.price(grid, seeds=2, draws=16, most_draws=32)
    turns = priced.frontier()
    figure, first = plots.figure(6.0, 6.4)
    first.remove()
    for axes, measure in zip(figure.subplots(2, 1), ("write", "cpu"), strict=True):
        table = priced.table[priced.table["measure"] == measure]
        mesh = plots.frontier(table, axes, where=turns[turns["measure"] == measure])
        plots.colour_bar(mesh, axes)
    return plots.save(figure, Path(folder) / "frontier")[0]


if __name__ == "__main__":
    for draw in (answer, central, agreement, frontier):
        made = draw(IMG)
        made.with_suffix(".png").unlink()
        print(made)
