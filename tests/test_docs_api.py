"""Every public function says its parameters and its result, and has an example that runs."""

import doctest
import importlib
import inspect
import re

import pytest

import wpbench as wb

# The rooms whose __init__ exports functions to users.  The operations of mm have no examples of
# their own: docs/workloads.md is one for all of them.
ROOMS = [
    "figures",
    "litmus",
    "measure",
    "plots",
    "price",
    "programs",
    "report",
    "scenario",
    "simulate",
    "sweep",
    "tables",
    "text",
    "widgets",
]
# They need root and a kernel's tracepoints, or a minute.
NOT_RUN = {
    "measure.costs",
    "measure.environment",
    "measure.program",
    "measure.recipe",
    "measure.run",
    "measure.system",
    "predictions",
}
FLAGS = doctest.NORMALIZE_WHITESPACE


def public():
    """Return the public functions by name; each once, under its first name."""
    found, seen = {}, set()
    for room in ["", *ROOMS]:
        module = importlib.import_module(f"wpbench.{room}".rstrip("."))
        for name in module.__all__:
            made = getattr(module, name)
            if inspect.isclass(made) or inspect.ismodule(made) or not callable(made):
                continue
            function = inspect.unwrap(made)
            if function not in seen:
                seen.add(function)
                found[f"{room}.{name}".lstrip(".")] = function
    return found


PUBLIC = public()


def sections(function):
    return set(re.findall(r"^(\w+)\n-{3,}$", inspect.getdoc(function) or "", re.MULTILINE))


def lacking(function):
    """Return the sections that a function's docstring should have and has not."""
    signature = inspect.signature(function)
    wanted = {"Examples"}
    if signature.parameters:
        wanted.add("Parameters")
    if signature.return_annotation not in (None, "None"):
        wanted.add("Returns")
    return wanted - sections(function)


def undescribed(function):
    """Return the parameters that a docstring does not name."""
    text = inspect.getdoc(function) or ""
    part = text.partition("Parameters\n---")[2].partition("\n\n")[0]
    named = set(re.findall(r"\w+", " ".join(re.findall(r"^(\S.*)$", part, re.MULTILINE))))
    return set(inspect.signature(function).parameters) - named


def test_public_functions_have_their_sections():
    assert {name: lack for name, made in PUBLIC.items() if (lack := lacking(made))} == {}
    assert len(PUBLIC) > 80


def test_public_functions_describe_each_parameter():
    assert {name: lack for name, made in PUBLIC.items() if (lack := undescribed(made))} == {}


def test_the_tests_see_what_is_missing():
    def bare(one: int, two: int) -> int:
        """Do it.

        Parameters
        ----------
        one
            The two.
        """
        return one + two

    assert lacking(bare) == {"Returns", "Examples"}
    assert undescribed(bare) == {"two"}


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in NOT_RUN])
def test_example(name, tmp_path, monkeypatch):
    """It runs by itself: with no names but those that it imports."""
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(PUBLIC[name])
    examples = doctest.DocTestParser().get_examples(text)
    assert not any(example.options.get(doctest.SKIP) for example in examples)
    test = doctest.DocTest(examples, {}, name, None, 0, text)
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    result = runner.run(test, out=report.append)
    assert result.failed == 0, "".join(report)
    assert result.attempted > 1


def test_examples_that_do_not_run_are_marked():
    for name in NOT_RUN:
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(PUBLIC[name]))
        assert all(example.options.get(doctest.SKIP) for example in examples)


def test_each_operation_says_what_it_does():
    without = [n for n in wb.mm.__all__ if not inspect.getdoc(inspect.unwrap(getattr(wb.mm, n)))]
    assert without == []
