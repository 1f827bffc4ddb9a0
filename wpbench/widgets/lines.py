"""A scenario as one line: of Python, or of the command line; and back."""

from __future__ import annotations

import ast
import json
import shlex
from typing import Any

from ..errors import ScenarioError, accepted
from ..scenario import Scenario, parse_axis

# As ``scenario.options`` has them.
_OPTIONS = tuple(
    "--rule" if name == "rules" else f"--{name.replace('_', '-')}" for name in Scenario.model_fields
)
_FORMS = "wb.Scenario(FIELD=VALUE, ...) or wpbench run --FIELD VALUE ..."


def not_default(scenario: Scenario) -> dict[str, Any]:
    """Return the fields of a scenario that are not their defaults."""
    fields = type(scenario).model_fields
    return {
        name: getattr(scenario, name)
        for name in fields
        if getattr(scenario, name) != fields[name].default
    }


def python_line(scenario: Scenario) -> str:
    """Return the Python that makes a scenario, ``wb.Scenario(...)``."""
    given = not_default(scenario)
    return f"wb.Scenario({', '.join(f'{k}={_literal(v)}' for k, v in given.items())})"


def command_line(scenario: Scenario) -> str:
    """Return the command that simulates a scenario, ``wpbench run ...``."""
    words = ["wpbench", "run"]
    for name, value in not_default(scenario).items():
        if name == "rules":
            words += [word for rule in str(value).split() for word in ("--rule", rule)]
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def overridden(scenario: Scenario) -> list[str]:
    """Return what of a scenario's kernel is otherwise, as ``litmus differ`` takes rules."""
    rules = str(scenario.rules).split()
    own = {"drain": scenario.drain, "pagevec": scenario.pagevec}
    return rules + [f"{name}={value}" for name, value in own.items() if value is not None]


def differ_command(a: Scenario, b: Scenario) -> str:
    """Return the command that finds the programs in which two scenarios' kernels differ."""
    words = ["wpbench", "litmus", "differ", a.kernel, b.kernel]
    for side, scenario in (("a", a), ("b", b)):
        words += [word for rule in overridden(scenario) for word in (f"--rule-{side}", rule)]
    return shlex.join(words)


def differ_parameters(a: Scenario, b: Scenario) -> str:
    """Return the same as parameters of notebook 06, lines of Python."""
    given = {"a": a.kernel, "b": b.kernel}
    rules = {"rule_a": " ".join(overridden(a)), "rule_b": " ".join(overridden(b))}
    given |= {name: text for name, text in rules.items() if text}
    return "\n".join(f"{name} = {_literal(value)}" for name, value in given.items())


def read_line(text: str) -> Scenario:
    """Return the scenario of a line of either form; nothing in it is run.

    Raises
    ------
    ScenarioError
        If it is neither form, or names what no scenario can have.
    """
    text = text.strip()
    if "(" in text.split("=")[0]:
        return Scenario(**_keywords(text))
    return Scenario(**_options(text))


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _keywords(text: str) -> dict[str, Any]:
    """Return the keyword arguments of a call to Scenario, literals all of them."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ScenarioError(f"line: {_short(text)} is no Python expression; {_wanted()}") from None
    if not isinstance(call, ast.Call) or _called(call.func) != "Scenario":
        raise ScenarioError(f"line: {_short(text)} is not accepted; {_wanted()}")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ScenarioError(f"line: a Scenario takes fields by name; {_wanted()}")
    found = {}
    for keyword in call.keywords:
        try:
            found[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise ScenarioError(
                f"{keyword.arg}: {_short(ast.unparse(keyword.value))} is not accepted; accepted: a "
                "number, a text in quotes, True, False or None"
            ) from None
    return found


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _options(text: str) -> dict[str, Any]:
    """Return the fields of a ``wpbench run`` command."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ScenarioError(f"line: {_short(text)}: {error}; {_wanted()}") from None
    names = [word for word in words if word in ("run", "explain")]
    if not names or "wpbench" not in "".join(words[: words.index(names[0])]):
        raise ScenarioError(f"line: {_short(text)} is not accepted; {_wanted()}")
    found: dict[str, Any] = {}
    rules: list[str] = []
    rest = words[words.index(names[0]) + 1 :]
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if option not in _OPTIONS:
            raise ScenarioError(accepted("option", option, _OPTIONS))
        if not equals:
            if not rest:
                raise ScenarioError(f"{name}: {option} wants a value")
            value = rest.pop(0)
        if name == "rule":
            rules.append(value)
            continue
        values = parse_axis(name, value)
        if len(values) != 1:
            raise ScenarioError(f"{name}: {value!r} is a grid; accepted here: one scenario")
        found[name] = values[0]
    return found | ({"rules": " ".join(rules)} if rules else {})


def _wanted() -> str:
    return f"accepted: {_FORMS}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
