"""The twin against litmus programs: every line that five kernels observed."""

import pytest
from test_litmus import KERNELS, as_recorded
from twin import litmus

from wpbench.litmus import measured, parse_program, programs

pytestmark = pytest.mark.nojit


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_line_is_as_the_kernel_had_it(kernel):
    texts = {n: as_recorded(n, kernel) for n in programs() if (n, kernel) in measured()}
    assert len(texts) >= 133
    wrong = [
        name
        for name, text in texts.items()
        if litmus.run(parse_program(text), KERNELS[kernel]) != measured()[name, kernel]
    ]
    assert wrong == []


def test_another_kernels_rules_give_other_lines():
    kernel = KERNELS["6.1.180"]
    wanted = "7.3-rules"
    texts = {n: as_recorded(n, wanted) for n in programs() if (n, wanted) in measured()}
    wrong = [
        name
        for name, text in texts.items()
        if litmus.run(parse_program(text), kernel) != measured()[name, "7.3-rules"]
    ]
    assert len(wrong) > 40


def test_invariants_hold_after_every_operation():
    for name in list(programs())[::8]:
        litmus.run(parse_program(as_recorded(name, "7.3-rules")), "v7.3", check=True)
