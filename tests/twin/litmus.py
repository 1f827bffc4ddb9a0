"""Litmus programs on the twin (docs/litmus.md has the format; the reader is wpbench's)."""

from wpbench.scenario.kernels import row_of

from .machine import FAULT_DRAINS, Machine

OUTCOMES = ("hit", "minor", "major", "reuse", "copy")


def get_page(m, cpu, v):
    """vmsplice(): get_user_pages_fast() marks a mapped page; another is faulted in, and touched."""
    if m.mm.ptes[v].mapped:
        if m.mm.ptes[v].kind == "present":
            m.mm.ptes[v].page.referenced = True
    else:
        m.read(cpu, v)
        m.mark_page_accessed(cpu, v)
    return m.gup_get(v)


def observe(m, name, pages):
    """Return how many pages are mapped, or have a flag."""
    if name == "mapped":
        return m.resident(pages.start, len(pages))
    ptes = [m.mm.ptes[v] for v in pages]
    return sum(pte.kind == "present" and getattr(pte.page, name) for pte in ptes)


def machine_for(program, kernel):
    """Return a fresh machine that a program can run on."""
    swap_pages = None if program.swap else 0
    return Machine(program.pages, row_of(kernel), cpus=program.cpus, swap_pages=swap_pages)


def run(program, kernel, check=False):
    """Run a program of wpbench.litmus; return the outcome's lines."""
    return run_on(machine_for(program, kernel), program.operations, check)


def last_counts(program, kernel):
    """Return what a program's last operation added to the counts of drains and of copies."""
    before, after = machine_for(program, kernel), machine_for(program, kernel)
    run_on(before, program.operations[:-1])
    run_on(after, program.operations)
    counts = {name: getattr(after, name) - getattr(before, name) for name in FAULT_DRAINS}
    return counts | {"copies": after.copies - before.copies}


def run_on(m, operations, check=False):
    """Run operations on a fresh machine; return the lines of those that observe."""
    cpu = 0
    held = []
    lines = []
    for o in operations:
        pages = range(o.arg, o.arg + o.n)
        label = f"{o.name} {pages.start}-{pages.stop - 1}:"
        if o.name in ("read", "write"):
            seen = [getattr(m, o.name)(cpu, v) for v in pages]
            found = [f"{what} {seen.count(what)}" for what in OUTCOMES if what in seen]
            lines.append(" ".join((label, *found)))
        elif o.name in ("lru", "active", "swapcache", "mapped"):
            lines.append(f"{label} {observe(m, o.name, pages)}")
        elif o.name in ("pageout", "cold", "free", "dontneed"):
            getattr(m, o.name)(cpu, o.arg, o.n)
        elif o.name == "access":
            for v in pages:
                m.process_vm_readv(cpu, v)
        elif o.name == "get":
            held += [v for v in pages if get_page(m, cpu, v)]
        elif o.name == "put":
            while held:
                m.gup_put(held.pop())
        elif o.name == "on":
            cpu = o.arg
        elif o.name == "drain":
            m.lru_add_drain_all()
        elif o.name == "touch":
            for _ in range(o.arg):
                m.foreign_insert(cpu)
        elif o.name == "munmap":
            m.munmap_foreign(cpu)
        elif o.name == "fork":
            m.fork(cpu)
        elif o.name == "exit":
            m.exit(o.arg)
        else:
            raise ValueError(o.name)
        if check:
            m.check()
    return lines
