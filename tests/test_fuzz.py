"""The fuzzers of tests/fuzz: some cases of each; their runner sees what goes wrong."""

import os
from pathlib import Path

import pytest
from fuzz import run

# A surface's body, and what its failure says.
FAULTS = {
    "dead": ("os.abort()", "the process died, status -6"),
    "deaf": ("while True: pass", "no end after 2 s"),
    "good": ("assert Path.cwd() == folder", ""),
    "greedy": ("bytearray(b'1' * (400 << 20)); time.sleep(100)", "MB of memory"),
    "wrong": ("assert False, f'drew {random.randrange(1000)}'", "AssertionError: drew "),
}


# Of a surface whose case takes milliseconds, and of those whose case writes and reads files.
CASES = 250
FEWER = dict.fromkeys(
    ("cache", "outputs", "provenance", "recordings", "stores", "user_workloads"), 50
)


@pytest.mark.slow
def test_some_cases_of_all_surfaces() -> None:
    """The same ones each time; `make fuzz` draws others for as long as one likes."""
    cases = dict.fromkeys(run.surfaces(), CASES) | FEWER
    found = run.run(run.surfaces(), 0, seed=1, cases=cases)
    assert not found.failures, "\n".join(map(str, found.failures))
    assert found.cases == cases


def test_the_runner_sees_what_goes_wrong_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "fuzz"
    package.mkdir()
    for name, (fault, _) in FAULTS.items():
        text = (
            f"import os, time\nfrom pathlib import Path\n\ndef one(random, folder):\n    {fault}\n"
        )
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    found = run.run(list(FAULTS), 0, seed=1, case_seconds=2, memory=256 << 20)
    assert found.cases == dict.fromkeys(FAULTS, 1)
    assert [failure.surface for failure in found.failures] == [n for n in FAULTS if n != "good"]
    said = capsys.readouterr().out
    for failure in found.failures:
        assert FAULTS[failure.surface][1] in failure.what
        assert f"run.py --seed 1 --case 0 {failure.surface}\n" in said
    # The same seed draws the same, another seed something else.
    again, other = (run.run(["wrong"], 0, seed).failures[0].what for seed in (1, 2))
    assert again == found.failures[-1].what
    assert other != again
