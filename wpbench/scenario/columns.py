"""Many scenarios as columns: every default resolved, and what the machine and a workload are told.

A field's column is an array with an entry for each scenario, or with one entry for all of them; so
a hundred thousand scenarios cost a few array operations a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ..bounds import MAX_PAGES, MIX_WEIGHT
from ..data import DISTRIBUTIONS, backends, cost_steps, cost_version, device_facts
from ..errors import DataError, accepted, shown
from ..mm import layout as L
from ..mm.names import Cost, texts
from ..workloads.catalog import WORKLOADS, facts_of
from ..workloads.params import Params
from .kernels import row_of
from .repeats import words_to_look
from .rules import RULES, Overrides

MIX = ("pageout", "read", "write", "cold", "migrate", "fork", "exit", "free")
MILLION = 1_000_000

Columns = dict[str, Any]
# Rules that are fields of layout.CONFIG by the same name.
_AS_THEY_ARE = tuple(
    name for name in RULES if name in L.CONFIG and name not in ("drain", "pagevec")
)
_PLACE_OF_RULE = {name: place for place, name in enumerate(RULES)}
# Fields that are never None, and their columns' types; the others' types are in resolve().
_TYPES = {
    **dict.fromkeys(
        ("npages", "rounds", "read_cpu", "fill_cpu", "seed", "threads", "spinner_threads"), np.int64
    ),
    **dict.fromkeys(
        ("delay_ns", "time_slice_ns", "page_cluster", "pmd_offset", "folio_order"), np.int64
    ),
    **dict.fromkeys(("save_every", "save_pages", "lruvecs"), np.int64),
    **dict.fromkeys(("migration_rate", "background_insertions", "background_drains"), np.float64),
    **dict.fromkeys(("write_share", "zipf", "memory_share"), np.float64),
    "fork_exit_before": np.bool_,
}


@lru_cache(maxsize=1024)
def parse_mix(text: str) -> dict[str, int]:
    """Return the weights of a random program's operations from ``"read:40 write:40 ..."``."""
    weights = dict.fromkeys(MIX, 0)
    for word in text.split():
        name, colon, weight = word.partition(":")
        if name not in weights:
            raise ValueError(accepted("mix", name, MIX))
        digits = len(weight) if weight.isascii() and weight.isdigit() else 0
        if not colon or not digits or digits > 20 or int(weight) not in MIX_WEIGHT:
            raise ValueError(
                f"mix: {shown(word)} is not accepted; accepted: {name}:WEIGHT, {MIX_WEIGHT}"
            )
        weights[name] = int(weight)
    if sum(weights.values()) == 0:
        raise ValueError(f"mix: all weights are 0; accepted: at least one of {', '.join(MIX)}")
    return weights


def distinct(column: Any) -> tuple[list[Any], Any]:
    """Return the distinct values of a column, and for each entry which of them it is."""
    values = column.tolist()
    places = {value: i for i, value in enumerate(dict.fromkeys(values))}
    return list(places), np.fromiter(map(places.__getitem__, values), np.intp, len(values))


def mapping(*columns: Any) -> Callable[..., Any]:
    """Return what applies a function to each distinct row of columns: ``f(function, dtype)``.

    Rows are numbers here, and tuples only once for each: a hundred thousand tuples at once set the
    garbage collector going, which takes as long as all the rest.
    """
    rows: list[tuple[Any, ...]] = [()]
    codes = np.zeros(1, np.intp)
    for column in columns:
        values, more = distinct(column)
        if len(values) == 1:
            rows = [(*row, values[0]) for row in rows]
            codes = codes + 0 * more
        elif len(rows) == 1:
            rows = [(*rows[0], value) for value in values]
            codes = more + 0 * codes
        else:
            used, codes = np.unique(codes * len(values) + more, return_inverse=True)
            rows = [(*rows[u // len(values)], values[u % len(values)]) for u in used.tolist()]

    def apply(function: Callable[..., Any], dtype: Any = np.int64) -> Any:
        return np.array([function(*row) for row in rows], dtype)[codes]

    return apply


def _map(column: Any, function: Callable[[Any], Any], dtype: Any = np.int64) -> Any:
    """Apply a function to each distinct value of a column."""
    return mapping(column)(function, dtype)


def _given(column: Any, default: Any, dtype: Any = np.int64) -> Any:
    """Replace None by a default, a number or a column."""
    missing = np.array([value is None for value in column])
    if not missing.any():
        return column.astype(dtype)
    return np.where(missing, default, np.where(missing, 0, column)).astype(dtype)


def workload_name(workload: Any) -> str:
    """Return the name of a workload, of one's own also."""
    return workload if isinstance(workload, str) else getattr(workload, "__name__", "workload")


def resolve(raw: Mapping[str, Any]) -> Columns:
    """Return all columns with every None replaced by what it stands for.

    Parameters
    ----------
    raw
        For each field of a Scenario an object array, of one length or of length 1.
    """
    out: Columns = {
        name: column.astype(_TYPES[name]) if name in _TYPES else column
        for name, column in raw.items()
    }

    by_kernel = mapping(raw["kernel"], raw["rules"])
    by_backend = mapping(raw["backend"])

    def rule(name: str, dtype: Any = object) -> Any:
        return by_kernel(lambda kernel, rules: row_of(kernel, rules)[name], dtype)

    def fact(name: str, dtype: Any = np.int64) -> Any:
        return by_backend(lambda b: backends()[b][name], dtype)

    out["drain"] = _given(raw["drain"], rule("drain"), object)
    out["pagevec"] = _given(raw["pagevec"], rule("pagevec", np.int64))
    out["order"] = _given(
        raw["order"], _map(raw["workload"], lambda w: facts_of(w).orders[0], object), object
    )
    out["write_cpu"] = _given(raw["write_cpu"], out["read_cpu"])
    running = out["threads"] * _map(raw["workload"], lambda w: facts_of(w).cpus_a_thread)
    running = running + _map(raw["workload"], lambda w: facts_of(w).background_cpu)
    running = running + out["spinner_threads"]
    named = [out["read_cpu"], out["write_cpu"], out["fill_cpu"], running - 1]
    out["cpus"] = _given(raw["cpus"], np.maximum.reduce(np.broadcast_arrays(*named)) + 1)
    out["latency_ns"] = _given(raw["latency_ns"], fact("latency_ns"))
    out["stable_writes"] = _given(raw["stable_writes"], fact("stable_writes", bool), bool)
    costless = np.where(fact("synchronous", bool), "none", "icount")
    out["costs"] = _given(raw["costs"], costless.astype(object), object)
    swap = np.clip(4 * region_pages(out), 1 << 18, MAX_PAGES)
    out["swap_pages"] = _given(raw["swap_pages"], swap)
    return out


def region_pages(columns: Mapping[str, Any]) -> Any:
    """Return the pages of a process: of all its threads' regions."""
    shared = _map(columns["workload"], lambda w: facts_of(w).shared, bool)
    return columns["npages"] * np.where(shared, 1, columns["threads"])


def _forks(columns: Columns) -> Any:
    """Can a child exist?  A workload of one's own may fork."""
    own = _map(columns["workload"], lambda w: facts_of(w).forks, bool)
    by_mix = _map(columns["mix"], lambda mix: parse_mix(mix)["fork"] > 0, bool)
    drawn = _map(columns["workload"], lambda w: facts_of(w).by_mix, bool) & by_mix
    return own | drawn | columns["fork_exit_before"] | (columns["save_every"] > 0)


def machine_config(columns: Columns, **watching: int) -> Columns:
    """Return what machines are built from: a column for each name of ``layout.CONFIG``.

    Parameters
    ----------
    columns
        From ``resolve()``.
    watching
        Values of ``log_rows``, ``watched``, ``event_rows``, ``explained``; 0 where not given.
    """
    by_kernel = mapping(columns["kernel"], columns["rules"])
    by_backend = mapping(columns["backend"])

    codes = by_kernel(rule_codes).reshape(-1, len(RULES))

    def rule(name: str) -> Any:
        return codes[:, _PLACE_OF_RULE[name]]

    def fact(name: str, dtype: Any = np.int64) -> Any:
        return by_backend(lambda b: backends()[b][name], dtype)

    own = _map(columns["workload"], lambda w: facts_of(w).scratch)
    asynchronous = ~fact("synchronous", bool)
    synchronous_io = fact("swapin", object) == "bypass"
    through_cache = rule("sync_swapin") == 1
    zswap = _map(columns["backend"], lambda b: b == "zswap")
    forks = _forks(columns).astype(np.int64)
    nprocs = 1 + forks
    ncpus = columns["cpus"] + forks  # the child has a CPU of its own
    npages = region_pages(columns)
    swap = columns["swap_pages"]
    # Each slot is held by a swap PTE or by a page that one maps, unless writeback orphans it.
    slots = npages * nprocs + np.where(asynchronous, swap, 0)
    orphans = 64 + ncpus * L.NR_VECS * columns["pagevec"] + np.where(asynchronous, slots, 0)
    config = {
        "npages": npages,
        "nprocs": nprocs,
        "ncpus": ncpus,
        "threads": columns["threads"],
        "pagevec": columns["pagevec"],
        **{name: rule(name) for name in _AS_THEY_ARE},
        "drain": _map(columns["drain"], RULES["drain"].values.index),
        "synchronous_io": synchronous_io,
        "bypass": synchronous_io & ~through_cache,
        "synchronous_swapin": synchronous_io & through_cache,
        "free_swap_on_read_if_sync": rule("free_swap_on_read"),
        "load_leaves_dirty": rule("zswap_load_exclusive") & zswap,
        "new_active": L.PG_ACTIVE * rule("new_pages_active"),
        "async_io": asynchronous,
        "timed": columns["costs"] != "none",
        "file_lru": 1 << 40,
        "stable_writes": columns["stable_writes"],
        "rotational": fact("rotational"),
        "page_cluster": columns["page_cluster"],
        "swap_total": swap,
        "nslots": np.minimum(slots, swap) + 1,
        # A page frame's number has so many bits; a run that needs more fails: out of pages.
        "nphys": np.minimum(npages * nprocs + orphans + 1, L.MAX_PAGES),
        "nrequests": np.where(asynchronous, np.minimum(slots, 1 << 16), 0),
        "max_request": fact("max_request_pages"),
        "queue_depth": np.where(asynchronous, fact("queue_depth"), 0),
        "latency_ns": columns["latency_ns"],
        "latency_dist": _map(fact("distribution", object), DISTRIBUTIONS.index),
        "latency_sigma_ppm": np.rint(fact("latency_sigma", float) * MILLION),
        "lruvecs": columns["lruvecs"],
        "completion_cpu": -1,
        "background_insert_ppm": np.rint(columns["background_insertions"] * MILLION),
        "background_drain_ppm": np.rint(columns["background_drains"] * MILLION),
        "pmd_offset": columns["pmd_offset"],
        **dict.fromkeys(("log_rows", "watched", "event_rows", "explained"), 0),
        **watching,
    }
    looks = words_to_look(columns, config)
    scratch = np.where(own > 0, columns["npages"] + own, looks)
    return {"scratch_words": scratch, **config}


@lru_cache(maxsize=4096)
def rule_codes(kernel: str, rules: Overrides) -> tuple[int, ...]:
    """Return the machine's number of each of ``RULES``, of a kernel with some overridden."""
    row = row_of(kernel, rules)
    return tuple(rule.code(row[name]) for name, rule in RULES.items())


def workload_params(columns: Columns) -> Any:
    """Return int64[n, NR_PARAMS], what each run's workload is told: ``Params``, in its order."""
    n = max(len(column) for column in columns.values())
    orders = mapping(columns["workload"], columns["order"])
    given = columns | {
        "order": orders(lambda w, o: WORKLOADS[w].orders.index(o) if isinstance(w, str) else 0),
        "migration_ppm": np.rint(columns["migration_rate"] * MILLION),
        "write_ppm": np.rint(columns["write_share"] * MILLION),
        "zipf_ppm": np.rint(columns["zipf"] * MILLION),
        "resident_pages": np.maximum(1, np.rint(columns["memory_share"] * columns["npages"])),
    }
    by_mix = mapping(columns["mix"])
    for name in MIX:
        given[f"mix_{name}"] = by_mix(lambda mix, name=name: parse_mix(mix)[name])
    made = np.zeros((n, L.NR_PARAMS), np.int64)
    for i, name in enumerate(Params._fields):
        made[:, i] = given[name]
    return made


def cost_rows(columns: Columns) -> Any:
    """Return int64[n or 1, NR_COSTS], nanoseconds of the steps ``texts(Cost)``."""
    return mapping(columns["costs"], columns["backend"])(cost_row)


def cost_row(name: str, backend: str) -> tuple[int, ...]:
    """Return the nanoseconds of each of ``texts(Cost)``, by a cost set and a backend.

    What a synchronous device does takes time where the cost set's steps do.
    """
    return _cost_row(name, backend, cost_version(name))


@lru_cache(maxsize=1024)
def _cost_row(name: str, backend: str, _version: str) -> tuple[int, ...]:
    steps = cost_steps(name)
    lacking = [step for step in texts(Cost) if step not in steps and not step.startswith("device_")]
    if lacking:
        raise DataError(f"costs.toml: {name}: {lacking[0]}: is missing")
    if any(steps.values()):
        found = device_facts(name, backend)
        steps |= {f"device_{what}": found[f"{what}_ns"]["value"] for what in ("read", "write")}
    return tuple(steps.get(step, 0) for step in texts(Cost))
