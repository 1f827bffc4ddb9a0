"""The questions of 2026: wpbench.report.series over the grid drains-2026."""

import pytest

import wpbench as wb
from wpbench.report.series import answers, per_100_writes


@pytest.fixture(scope="module")
def table():
    return wb.simulate(wb.load_grid("drains-2026"))


def test_the_closed_forms(table):
    made = per_100_writes(table).set_index(["workload", "order", "kernel", "drain"]).sort_index()
    # semantics-2026 3.5: a drain a write in 7.0 to 7.2 on a synchronous device, else none.
    zram = made.loc[("swap-write", "write")].query("backend == 'zram'")["drains_swapin"]
    assert zram.droplevel("drain").to_dict() == {"v6.18": 0, "v7.2": 100, "v7.3": 0}
    # 5.8: while the child lives every page is copied, in any kernel; 7.3 drains in no case.
    alive = made.loc[("fork-write", "child-alive")]
    assert (alive["copies"] == 100).all()
    assert (alive.loc["v7.3", "drains"] == 0).all()
    assert (alive["drains_in_vain"] == alive["drains"]).all()
    # 5.7: on the parent's own CPU a drain a round and no copy, on another one no reuse by it.
    exited = made.loc[("fork-write", "child-exited", "v6.14")]
    assert (exited.query("write_cpu == 0")["copies"] == 0).all()
    elsewhere = exited.query("write_cpu == 1")
    assert (elsewhere["copies"] == elsewhere["drains_in_vain"]).all()
    assert (made.loc[("fork-write", "child-exited", "v6.13"), "copies"] == 0).all()


def test_the_answers_have_the_tables_numbers(table):
    said = answers(table)
    assert len(said) == 5
    assert "0 in 6.18, 100 in 7.2, 0 in 7.3" in said[1]
    assert said[4].startswith("The exit drain that 6.14 removed")


def test_another_table_is_refused():
    table = wb.simulate(wb.Scenario(npages=1, rounds=1))
    with pytest.raises(wb.TableError, match="accepted: fork-write, swap-write"):
        per_100_writes(table)
