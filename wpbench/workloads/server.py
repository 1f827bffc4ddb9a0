"""A server whose memory does not fit: requests for keys, and reclaim in the background.

With one thread, keys of different popularity and a child that saves now and then it is Redis with
BGSAVE, as in message 20220113140318.11117-1-zhangliang5@huawei.com; with many threads and keys
equally popular it is memcached under memory pressure, where Nadav Amit met the copies (message
288FB900-A688-4EDB-95C6-E63B6E0A15D1@gmail.com).
"""

from __future__ import annotations

import math

import numpy as np

from ..jit.compile import inline, kernel, workload
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from ..mm.names import Outcome
from .params import Params, params
from .reproducer import shuffle_mask, shuffle_shift, shuffled

# m.scratch: a word for each page (was it used since the clock hand passed?), then these.
(HAND, RESIDENT, CHILD_AT, SINCE_SAVE) = range(4)
NR_SCRATCH = 4
NO_CHILD = -1
(READ, WRITE) = range(2)


@inline
def _h(x: float, s: float) -> float:
    """Return the integral of x**-s."""
    if abs(1.0 - s) < 1e-9:
        return math.log(x)
    return math.exp((1.0 - s) * math.log(x)) / (1.0 - s)


@inline
def _h_inverse(y: float, s: float) -> float:
    if abs(1.0 - s) < 1e-9:
        return math.exp(y)
    return math.exp(math.log(max((1.0 - s) * y, 1e-300)) / (1.0 - s))


@inline
def zipf(m: Machine, n: int, s: float) -> int:
    """Return a rank in 0..n-1, the k-th drawn with a probability like 1 / (k + 1)**s.

    Rejection-inversion (Hoermann and Derflinger 1996): no table, whatever ``n``.
    """
    low = _h(1.5, s) - 1.0
    high = _h(n + 0.5, s)
    while True:
        y = high + mm.uniform(m) * (low - high)
        x = _h_inverse(y, s)
        k = int(min(max(np.int64(x + 0.5), 1), n))
        if y >= _h(k + 0.5, s) - math.exp(-s * math.log(k)):
            return k - 1


@inline
def _page_of_request(m: Machine, p: Params, mask: int, shift: int) -> int:
    """Draw the page of a request; popular ones lie scattered over the memory."""
    if p.zipf_ppm == 0:
        return mm.below(m, p.npages)
    return shuffled(zipf(m, p.npages, p.zipf_ppm / 1e6), p.npages, mask, shift)


@kernel
def _reclaim(m: Machine, cpu: int, n: int) -> None:
    """Reclaim a batch: the clock hand takes pages that were not used since it passed."""
    state = m.npages
    hand = m.scratch[state + HAND]
    found = 0
    for _ in range(2 * m.npages):
        if found == n:
            break
        if m.scratch[hand]:
            m.scratch[hand] = 0
        elif mm.is_mapped(m, hand):
            m.batch[found] = hand
            found += 1
        hand = hand + 1 if hand + 1 < m.npages else 0
    m.scratch[state + HAND] = hand
    m.scratch[state + RESIDENT] -= mm.shrink_inactive_list(m, cpu, found)


@inline
def _touch(m: Machine, p: Params, cpu: int, v: int, write: int) -> None:
    """Read or write a page, and wake reclaim where memory is short."""
    outcome = mm.write(m, cpu, v) if write else mm.read(m, cpu, v)
    m.scratch[v] = 1
    if outcome == Outcome.MINOR or outcome == Outcome.MAJOR:
        m.scratch[m.npages + RESIDENT] += 1
        if m.scratch[m.npages + RESIDENT] > p.resident_pages:
            # kswapd has a CPU of its own, if there is one more than the threads need; where it is
            # late, the thread reclaims itself.
            kswapd = p.cpus - 1
            if p.cpus == 1 or m.clock[kswapd] > m.clock[cpu] + 1_000_000:
                kswapd = cpu
            mm.idle_until(m, kswapd, m.clock[cpu])
            _reclaim(m, kswapd, L.SWAP_CLUSTER_MAX)


@inline
def _save(m: Machine, p: Params) -> None:
    """Let the forked child save one more page; when it has saved all, it exits."""
    at = m.npages + CHILD_AT
    if m.scratch[at] == NO_CHILD:
        return
    cpu = m.ncpus - 1
    for _ in range(p.save_pages):
        if m.scratch[at] == m.npages:
            mm.exit_process(m, cpu, 1)
            m.scratch[at] = NO_CHILD
            return
        mm.read(m, cpu, m.npages + m.scratch[at])
        m.scratch[at] += 1


@inline
def _request(m: Machine, p: Params, k: int, mask: int, shift: int) -> bool:
    """Let thread ``k`` do one more half of a request; False after its last."""
    row = k * L.NR_TH
    mm.maybe_end_slice(m, k, p.time_slice_ns, max(1, p.cpus - 1))
    cpu = m.thread[row + L.TH_CPU]
    if m.thread[row + L.TH_PHASE] == READ:
        v = _page_of_request(m, p, mask, shift)
        _touch(m, p, cpu, v, 0)
        mm.maybe_migrate(m, k, p.migration_ppm, max(1, p.cpus - 1))
        if mm.chance(m, p.write_ppm):
            m.thread[row + L.TH_PHASE] = WRITE
            m.thread[row + L.TH_INDEX] = v
            return True
    else:
        _touch(m, p, cpu, m.thread[row + L.TH_INDEX], 1)
        m.thread[row + L.TH_PHASE] = READ
    m.thread[row + L.TH_AUX] += 1
    if p.save_every:
        since = m.npages + SINCE_SAVE
        m.scratch[since] += 1
        if m.scratch[since] >= p.save_every and m.scratch[m.npages + CHILD_AT] == NO_CHILD:
            mm.fork(m, cpu, 0, 1)
            m.scratch[since] = 0
            m.scratch[m.npages + CHILD_AT] = 0
        _save(m, p)
    return m.thread[row + L.TH_AUX] < p.rounds


@workload
def server(m: Machine) -> None:
    """Answer ``rounds`` requests a thread: read a key's page, and write it in ``write_share``.

    Memory holds ``memory_share`` of the pages.  Every ``save_every`` requests a child is forked,
    reads all pages while the server goes on, and exits.
    """
    p = params(m)
    m.scratch[m.npages + CHILD_AT] = NO_CHILD
    for k in range(p.threads):
        mm.start_thread(m, k, k % max(1, p.cpus - 1))
    for v in range(p.npages):
        _touch(m, p, 0, v, 1)
    mm.reset_counters(m)
    mask = shuffle_mask(p.npages)
    shift = shuffle_shift(mask)
    k = mm.next_thread(m) if p.rounds else -1
    while k >= 0:
        if _request(m, p, k, mask, shift):
            mm.enqueue(m, k)
        k = mm.next_thread(m)
