"""The run's own random stream: splitmix64, one 64-bit state per run.

The state belongs to the machine, never to a thread: a scenario gives the same numbers whoever
runs it, and both arms of a comparison can be given the same stream.
"""

from __future__ import annotations

import math

import numpy as np

from ..jit.compile import inline, kernel
from .machine import Machine

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@inline
def next_u64(m: Machine) -> np.uint64:
    """Return 64 random bits."""
    state = np.uint64(m.random) + _GOLDEN
    m.random = np.int64(state)
    z = (state ^ (state >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@inline
def below(m: Machine, bound: int) -> int:
    """Return a uniform integer in [0, bound); bound up to 2**32 (bias below 2**-32)."""
    return np.int64(((next_u64(m) >> _S32) * np.uint64(bound)) >> _S32)


@inline
def chance(m: Machine, ppm: int) -> bool:
    """Return True with a probability of ``ppm`` millionths."""
    return below(m, 1_000_000) < ppm


@inline
def uniform(m: Machine) -> float:
    """Return a uniform float in (0, 1)."""
    return (np.float64(next_u64(m) >> np.uint64(11)) + 0.5) / 9007199254740992.0


@kernel
def latency(m: Machine) -> int:
    """Draw the time one request takes in the device, nanoseconds, with mean ``latency_ns``."""
    if m.latency_dist == 0:
        return m.latency_ns
    if m.latency_dist == 1:
        return np.int64(-math.log(uniform(m)) * m.latency_ns)
    sigma = m.latency_sigma_ppm / 1e6
    normal = math.sqrt(-2.0 * math.log(uniform(m))) * math.cos(2.0 * math.pi * uniform(m))
    return np.int64(m.latency_ns * math.exp(sigma * normal - 0.5 * sigma * sigma))
