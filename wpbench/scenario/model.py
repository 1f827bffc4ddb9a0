"""A Scenario: one question to the machine, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from ..bounds import FIELDS, MAX_ACCESSES, MAX_CLOCK_NS, MAX_PAGES
from ..data import backends, cost_facts, costs, is_cost_file
from ..errors import DataError, ScenarioError, accepted, readable, shown
from ..mm.machine import memory_words
from ..workloads.catalog import ORDERS, WORKLOADS
from .columns import machine_config, parse_mix, resolve, workload_name
from .kernels import drains_fit, row_name, warn_if_newer
from .longest import accesses, longest_ns
from .rules import DRAINS, NO_OVERRIDES, Overrides

PAGEVECS = (14, 15, 31)
DEFAULT_MIX = "pageout:2 read:40 write:40 cold:0 migrate:4 fork:0 exit:0 free:0"
# Fields that only some workloads look at; the others are the machine's.
WORKLOAD_FIELDS = frozenset().union(*(w.uses for w in WORKLOADS.values()))
_UNUSED = {name: WORKLOAD_FIELDS - w.uses for name, w in WORKLOADS.items()}
PLAIN = frozenset((str, int, float, bool, type(None)))


@lru_cache(maxsize=256)
def _fields_set(names: tuple[str, ...]) -> set[str]:
    return set(names)


class Scenario(BaseModel):
    """A scenario: one program, on one simulated kernel and machine.

    Parameters
    ----------
    workload
        ``"reproducer"``, ``"hand-over"``, ``"userfaultfd"``, ``"post-copy"``, ``"redis"``,
        ``"memcached"``, ``"page-fault"``, ``"fork-write"``, ``"swap-write"``, ``"random"``,
        or a jitted function ``f(m, p)`` of your own.
    kernel
        The kernel whose rules apply: a release from v5.8 on, also as uname prints it
        (``6.18.44``), or a row of ``wb.kernels()`` (patch off: ``patch1``, on: ``patch2``).
    rules
        Rules with another value than the kernel's: ``{"exit_drains": True}``.
    drain
        When do_wp_page() drains pagevecs; None for the kernel's own policy.
    backend
        Swap device: a table of data/backends.toml.
    npages
        Pages of one thread's region, 1 to 2**26.
    rounds
        Rounds of the workload; operations of a random program.
    order
        Of the accesses; None for the workload's first.  The reproducer's: ``read-write``,
        ``read-write-shuffled``, ``read-all-write-all``; userfaultfd's: ``copy-write``,
        ``copy-all-write-all``.
    read_cpu, write_cpu
        The CPU on which the reproducer reads (and pages out), and the one on which it writes; None:
        the same CPU.
    fill_cpu
        The CPU on which userfaultfd's handler fills the memory; it is written on ``write_cpu``.
    cpus
        CPUs of the machine; None for as many as the scenario names.
    pagevec
        Entries of a pagevec: 14, 15 or 31; None for the kernel's.
    seed
        Of the run's random stream.
    threads
        Threads of the reproducer and of page-fault, each with its own region; pairs of threads of
        the hand-over; threads of memcached, virtual CPUs of post-copy, with a region in common.
    spinner_threads
        Threads that only run, on other CPUs.
    migration_rate
        Probability that the scheduler moves a thread to another CPU between read and write.
    time_slice_ns
        Nanoseconds after which the scheduler moves a thread to another CPU, wherever it is; 0:
        never.  Needs a clock (``costs``).
    write_share
        Share of a server's requests that write the page, after reading it.
    zipf
        Exponent of the popularity of a server's keys; 0: all the same.
    memory_share
        Share of a server's pages that fit into memory.
    save_every
        Requests between two forks of a child that reads all pages and exits; 0: never.
    save_pages
        Pages that this child reads while the server answers one request.
    fork_exit_before
        Was a child forked and reaped once before the rounds?
    delay_ns
        Nanoseconds between MADV_PAGEOUT and the first access.
    mix
        Weights of a random program's operations, as in the traces' headers.
    latency_ns
        Of an asynchronous device, nanoseconds; None for the backend's.
    stable_writes
        Must pages under writeback stay as they are (SWP_STABLE_WRITES)?  None for the backend's.
    costs
        Cost set of data/costs.toml, or a TOML file with one (``wpbench measure costs -o FILE``);
        None for ``none``, or ``icount`` with an asynchronous backend.
    page_cluster
        vm.page-cluster, 0 to 5.
    swap_pages
        Size of swap; None for 2**18 or four times the memory, whichever is more.
    pmd_offset
        Pages between the start of a page table (2 MiB) and page 0.
    background_insertions, background_drains
        Activity of other tasks on each CPU between two accesses of the workload, on average: pages
        put into lru_add, calls of lru_add_drain().
    lruvecs
        lru_locks, one for each node or memcg; CPUs are split evenly among them.
    folio_order
        0: large folios are out of scope.  They are never left in a pagevec, and the kernel decides
        about them by other rules (wp_can_reuse_anon_folio(), since v6.15 by the large mapcount).

    Raises
    ------
    ScenarioError
        For an unknown field, a value or a combination no scenario can have; the message names the
        field and the accepted values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    workload: Any = "reproducer"
    kernel: str = "patch2"
    rules: Overrides = NO_OVERRIDES
    drain: str | None = None
    backend: str = "zram"
    npages: Annotated[int, FIELDS["npages"].constraint] = 512
    rounds: Annotated[int, FIELDS["rounds"].constraint] = 100
    order: str | None = None
    read_cpu: Annotated[int, FIELDS["read_cpu"].constraint] = 0
    write_cpu: Annotated[int, FIELDS["write_cpu"].constraint] | None = None
    fill_cpu: Annotated[int, FIELDS["fill_cpu"].constraint] = 0
    cpus: Annotated[int, FIELDS["cpus"].constraint] | None = None
    pagevec: int | None = None
    seed: Annotated[int, FIELDS["seed"].constraint] = 1
    threads: Annotated[int, FIELDS["threads"].constraint] = 1
    spinner_threads: Annotated[int, FIELDS["spinner_threads"].constraint] = 0
    migration_rate: Annotated[float, FIELDS["migration_rate"].constraint] = 0.0
    time_slice_ns: Annotated[int, FIELDS["time_slice_ns"].constraint] = 0
    write_share: Annotated[float, FIELDS["write_share"].constraint] = 0.5
    zipf: Annotated[float, FIELDS["zipf"].constraint] = 0.0
    memory_share: Annotated[float, FIELDS["memory_share"].constraint] = 0.5
    save_every: Annotated[int, FIELDS["save_every"].constraint] = 0
    save_pages: Annotated[int, FIELDS["save_pages"].constraint] = 1
    fork_exit_before: bool = False
    delay_ns: Annotated[int, FIELDS["delay_ns"].constraint] = 0
    mix: str = DEFAULT_MIX
    latency_ns: Annotated[int, FIELDS["latency_ns"].constraint] | None = None
    stable_writes: bool | None = None
    costs: str | None = None
    page_cluster: Annotated[int, FIELDS["page_cluster"].constraint] = 3
    swap_pages: Annotated[int, FIELDS["swap_pages"].constraint] | None = None
    pmd_offset: Annotated[int, FIELDS["pmd_offset"].constraint] = 0
    background_insertions: Annotated[float, FIELDS["background_insertions"].constraint] = 0.0
    background_drains: Annotated[float, FIELDS["background_drains"].constraint] = 0.0
    lruvecs: Annotated[int, FIELDS["lruvecs"].constraint] = 1
    folio_order: int = 0

    def __init__(self, **fields: Any) -> None:
        # A hundred thousand are made one by one: what is seldom wrong is looked at when it was.
        if not PLAIN.issuperset(map(type, fields.values())):
            fields = {k: v.item() if isinstance(v, np.generic) else v for k, v in fields.items()}
        try:
            self.__pydantic_validator__.validate_python(fields, self_instance=self)
        except pydantic.ValidationError as error:
            for name in fields:
                if name not in type(self).model_fields:
                    message = accepted("Scenario field", name, type(self).model_fields)
                    raise ScenarioError(message) from None
            raise ScenarioError(readable(error, FIELDS)) from None
        # Nobody changes it, and a set each would be a third of the garbage collector's work.
        object.__setattr__(self, "__pydantic_fields_set__", _fields_set(tuple(fields)))

    @field_validator("workload")
    @classmethod
    def _known_workload(cls, value: Any) -> Any:
        if callable(value):
            return value
        return _one_of("workload", value, WORKLOADS, "or a jitted function f(m, p)")

    @field_validator("kernel")
    @classmethod
    def _known_kernel(cls, value: str) -> str:
        if row_name(value)[1]:
            warn_if_newer(value)
        return value

    @field_validator("rules", mode="before")
    @classmethod
    def _known_rules(cls, value: Any) -> Overrides:
        return Overrides.of(value)

    @field_validator("drain")
    @classmethod
    def _known_drain(cls, value: str | None) -> str | None:
        return value if value is None else _one_of("drain", value, DRAINS)

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, value: str) -> str:
        return str(_one_of("backend", value, backends()))

    @field_validator("order")
    @classmethod
    def _known_order(cls, value: str | None) -> str | None:
        return value if value is None else _one_of("order", value, ORDERS)

    @field_validator("folio_order")
    @classmethod
    def _small_folios(cls, value: int) -> int:
        if value != 0:
            raise ValueError(
                f"folio_order: {shown(value)} is not accepted; accepted: 0.  Large folios are out "
                "of scope: they are never left in a pagevec and other rules decide about them"
            )
        return value

    @field_validator("pagevec")
    @classmethod
    def _known_pagevec(cls, value: int | None) -> int | None:
        return value if value is None else int(_one_of("pagevec", value, PAGEVECS))

    @field_validator("costs")
    @classmethod
    def _known_costs(cls, value: str | None) -> str | None:
        if is_cost_file(value):
            try:
                cost_facts(str(value))
            except DataError as error:
                raise ValueError(f"costs: {error}") from None
            return value
        more = "or a TOML file with a cost set"
        return value if value is None else _one_of("costs", value, costs(), more)

    @field_validator("mix")
    @classmethod
    def _known_mix(cls, value: str) -> str:
        return " ".join(f"{name}:{weight}" for name, weight in parse_mix(value).items())

    @model_validator(mode="after")
    def _combination(self) -> Scenario:
        if self.drain is not None:
            fit = drains_fit(self.kernel, self.rules)
            if self.drain not in fit:
                raise ValueError(
                    f"drain: {self.drain!r} does not go with kernel {self.kernel!r}, which has no "
                    f"drain; accepted with it: {', '.join(fit)}"
                )
        self._check_workload()
        cpus = self.cpus
        if cpus is not None and max(self.read_cpu, self.write_cpu or 0, self.fill_cpu) >= cpus:
            for name in ("read_cpu", "write_cpu", "fill_cpu"):
                cpu = getattr(self, name)
                if cpu is not None and cpu >= cpus:
                    raise ValueError(
                        f"{name}: {cpu} is not among the {cpus} CPUs (cpus={cpus}); "
                        f"accepted: 0 to {cpus - 1}"
                    )
        if self.npages * self.threads > MAX_PAGES:
            raise ValueError(
                f"npages: {self.npages} pages times {self.threads} threads; accepted: up to "
                f"{MAX_PAGES} in all"
            )
        if accesses(self) > MAX_ACCESSES:
            raise ValueError(
                f"rounds: {self.rounds} of {self.npages} pages and {self.threads} threads are "
                f"{accesses(self)} accesses; accepted: up to {MAX_ACCESSES} in all"
            )
        synchronous = bool(backends()[self.backend]["synchronous"])
        if synchronous and self.latency_ns:
            raise ValueError(
                f"latency_ns: backend {self.backend!r} completes synchronously; accepted with it: 0"
            )
        if not synchronous and self.costs == "none":
            raise ValueError(
                f"costs: 'none' does not go with the asynchronous backend {self.backend!r}; "
                f"accepted: {', '.join(name for name in costs() if name != 'none')}"
            )
        if self.time_slice_ns and synchronous and self.costs in (None, "none"):
            raise ValueError(
                f"time_slice_ns: {self.time_slice_ns} needs a clock; accepted with it: costs of "
                f"{', '.join(name for name in costs() if name != 'none')}"
            )
        has_clock = self.costs is not None or self.delay_ns or not synchronous
        if has_clock and longest_ns(self) > MAX_CLOCK_NS:
            raise ValueError(
                f"rounds: {self.rounds} of {self.npages} pages and {self.threads} threads can take "
                f"{longest_ns(self):.1e} ns of simulated time with these costs, latency and delay; "
                f"accepted: up to {MAX_CLOCK_NS:.1e}"
            )
        return self

    def _check_workload(self) -> None:
        """Refuse what the workload would not look at."""
        if not isinstance(self.workload, str):
            return
        unused = self.__pydantic_fields_set__ & _UNUSED[self.workload]
        for name in sorted(unused) if unused else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                users = [key for key, other in WORKLOADS.items() if name in other.uses]
                raise ValueError(
                    f"{name}: is not used by workload {self.workload!r}, only by {', '.join(users)}"
                )
        if self.order is not None and self.order not in WORKLOADS[self.workload].orders:
            raise ValueError(
                f"order: {self.order!r} is none of workload {self.workload!r}; accepted with it: "
                f"{', '.join(WORKLOADS[self.workload].orders)}"
            )

    def with_accepted(self, values: Mapping[str, Any]) -> Scenario:
        """Return a copy with other values of fields that were given; they are not looked at."""
        made = self.model_copy(update=values)
        object.__setattr__(made, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        return made

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Scenario:
        """Return the scenario of a table's row, as ``simulate()`` returns it or from a file.

        What the row does not have, or has no value for, is left open; what its workload does not
        look at does not matter.
        """
        for name, choices in (("workload", WORKLOADS), ("backend", backends())):
            is_open = name != "workload" and row.get(name) is None
            if not is_open and (not isinstance(row.get(name), str) or row[name] not in choices):
                raise ScenarioError(accepted(name, row.get(name), choices))
        workload = row["workload"]
        unused = WORKLOAD_FIELDS - WORKLOADS[workload].uses
        if "kernel" not in row and "decision" in row:
            row = {**row, "kernel": row["decision"]}  # measured tables, tables of wpbench 0.1
        fields = {}
        for name, field in cls.model_fields.items():
            value = row.get(name)
            plain = isinstance(value, str | bool | int | float | np.generic)
            missing = plain and (value == "" or value != value)  # noqa: PLR0124 (NaN)
            if name in unused or value is None or missing:
                continue
            value = value.item() if isinstance(value, np.generic) else value
            if isinstance(field.default, bool):
                if value not in (0, 1):
                    raise ScenarioError(accepted(name, value, ["true", "false"]))
                value = bool(value)
            elif isinstance(value, float) and not isinstance(field.default, float):
                if not value.is_integer():
                    raise ScenarioError(accepted(name, value, ["a whole number"]))
                value = int(value)  # a column of numbers, some of which are missing
            fields[name] = value
        backend = fields.get("backend")
        if isinstance(backend, str) and backends().get(backend, {}).get("synchronous"):
            fields.pop("latency_ns", None)
        return cls(**fields)

    def columns(self) -> dict[str, Any]:
        """Return all fields as columns of one entry, as ``columns.resolve()`` takes them."""
        return as_columns({name: [getattr(self, name)] for name in type(self).model_fields})

    def resolved(self) -> dict[str, Any]:
        """Return all fields with every None replaced by what it stands for."""
        fields = {name: column[0] for name, column in resolve(self.columns()).items()}
        fields["workload"] = workload_name(self.workload)
        fields["rules"] = dict(self.rules)
        return {k: v.item() if isinstance(v, np.generic) else v for k, v in fields.items()}

    def machine_config(self, **watching: int) -> dict[str, int]:
        """Return what ``mm.Machine`` is built from: a value for each of ``layout.CONFIG``."""
        config = machine_config(resolve(self.columns()), **watching)
        return {name: int(np.ravel(column)[0]) for name, column in config.items()}


def as_columns(values: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return object arrays of the given values of each field."""
    made = {}
    for name, column in values.items():
        made[name] = np.empty(len(column), object)
        made[name][:] = column
    return made


def machine_bytes(config: Mapping[str, int]) -> int:
    """Return the memory, in bytes, of a machine with this configuration."""
    return 8 * int(memory_words(config))


def _one_of(field: str, value: Any, choices: Sequence[Any] | Any, more: str = "") -> Any:
    if isinstance(value, str | int) and value in choices:  # lists are in no dict
        return value
    raise ValueError(accepted(field, value, choices) + (f", {more}" if more else ""))
