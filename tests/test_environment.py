"""pyproject.toml, environment.yml and constraints.txt say the same."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]

# Where conda-forge has another name for the same: matplotlib without Qt, Dask without distributed.
CONDA_NAME = {
    "dask": "dask-core",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
NOT_ON_CONDA_FORGE = {"virtme-ng"}
CONDA_ONLY = {"python", "pip"}
CONDA_SPEC = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?: (?P<spec>[<>=!~][^ ]*))?$")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements() -> dict[str, Requirement]:
    project = pyproject()["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    found: dict[str, Requirement] = {}
    for text in (text for group in groups for text in group):
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} is required twice"
        found[name] = requirement
    return found


def environment() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def conda_specs() -> list[str]:
    return [entry for entry in environment()["dependencies"] if isinstance(entry, str)]


def conda_packages() -> dict[str, SpecifierSet]:
    found = {}
    for text in conda_specs():
        match = CONDA_SPEC.match(text)
        assert match, f"environment.yml: not `name bound`: {text!r}"
        assert match["name"] not in found, f"environment.yml names {match['name']} twice"
        found[match["name"]] = SpecifierSet(match["spec"] or "")
    return found


def constraints() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"constraints.txt: not `name==version`: {line!r}"
        found[canonicalize_name(match[1])] = match[2]
    return found


def test_conda_environment_has_the_same_names_and_bounds() -> None:
    wanted = {
        CONDA_NAME.get(name, name): requirement.specifier
        for name, requirement in requirements().items()
        if name not in NOT_ON_CONDA_FORGE
    }
    given = {name: spec for name, spec in conda_packages().items() if name not in CONDA_ONLY}
    assert given == wanted


def test_exceptions_are_still_required() -> None:
    assert set(requirements()) >= NOT_ON_CONDA_FORGE | set(CONDA_NAME)


def test_python_bound_is_the_same_everywhere() -> None:
    config = pyproject()
    bound = SpecifierSet(config["project"]["requires-python"])
    assert conda_packages()["python"] == bound
    (lowest,) = (specifier.version for specifier in bound)
    assert config["tool"]["mypy"]["python_version"] == lowest
    assert config["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert f"sys.version_info < ({lowest.replace('.', ', ')})" in (ROOT / "Makefile").read_text()


def test_conda_environment_uses_conda_forge_alone_and_pip_for_the_checkout() -> None:
    loaded = environment()
    assert loaded["name"] == "wpbench"
    assert loaded["channels"] == ["conda-forge", "nodefaults"]
    rest = [entry for entry in loaded["dependencies"] if not isinstance(entry, str)]
    assert rest == [{"pip": ["-e ."]}]


def test_conda_itself_would_read_the_specs() -> None:
    rattler = pytest.importorskip("rattler")
    for text, (name, bound) in zip(conda_specs(), conda_packages().items(), strict=True):
        spec = rattler.MatchSpec(text)
        assert name in str(getattr(spec.name, "normalized", spec.name))
        assert SpecifierSet(str(spec.version) if spec.version else "") == bound


def test_constraints_pin_every_requirement_within_its_bound() -> None:
    pinned = constraints()
    for name, requirement in requirements().items():
        assert name in pinned, f"constraints.txt lacks {name}: make lock"
        assert requirement.specifier.contains(Version(pinned[name]), prereleases=True)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="constraints.txt is for Python 3.11")
def test_constraints_pin_what_the_requirements_require() -> None:
    pinned = constraints()
    seen: set[tuple[str, str]] = set()
    todo = [(name, extra) for name, r in requirements().items() for extra in ("", *r.extras)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        assert name in pinned or name in {"pip", "setuptools"}, f"constraints.txt lacks {name}"
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # an environment without this extra
        for inner in map(Requirement, requires):
            if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                inner_name = canonicalize_name(inner.name)
                todo += [(inner_name, more) for more in ("", *inner.extras)]


def test_every_pinned_package_takes_the_first_python_that_is_accepted() -> None:
    # Debian 12 has 3.11.2: a package that wants 3.11.5 could not be installed there.
    wanted = {
        dist.metadata["Name"]: dist.metadata["Requires-Python"]
        for dist in metadata.distributions()
        if "Requires-Python" in dist.metadata
    }
    assert len(wanted) > 100
    too_new = {n: r for n, r in wanted.items() if not SpecifierSet(r).contains("3.11.0")}
    assert too_new == {}


def test_build_backend_is_pinned_too() -> None:
    for text in pyproject()["build-system"]["requires"]:
        assert canonicalize_name(Requirement(text).name) in constraints()
