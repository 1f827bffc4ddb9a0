"""Kernels as rows of rules: data/kernels.toml, names of releases, overridden rules, the command."""

import json
import re
import tomllib
import warnings
from pathlib import Path

import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.errors import UnknownKernelWarning
from wpbench.mm.names import (
    Drain,
    FirstTest,
    FreeSwap,
    LazyfreeExtraRef,
    SoleOwner,
    SwapinDrain,
)
from wpbench.scenario import Overrides, Scenario
from wpbench.scenario import kernel as row_for
from wpbench.scenario.kernels import drains_fit, instrumented, releases, row_name, row_of, rows
from wpbench.scenario.rules import OVERRIDABLE, RULES, STRICT_TESTS

ROOT = Path(__file__).resolve().parents[1]


def tables():
    with (wb.data_dir() / "kernels.toml").open("rb") as file:
        return tomllib.load(file)


# -- names of kernels --------------------------------------------------------------------
RELEASES = [
    *(f"v5.{n}" for n in range(8, 20)),
    *(f"v6.{n}" for n in range(20)),
    *(f"v7.{n}" for n in range(4)),
]
HELD = {  # semantics-2026 8: the release at which the last rule before it changed
    "v5.10": "v5.9", "v5.13": "v5.11", "v5.17": "v5.14", "v5.18": "v5.18", "v6.1": "v5.19",
    "v6.6": "v6.2", "v6.8": "v6.2", "v6.10": "v6.9", "v6.11": "v6.11", "v6.12": "v6.12",
    "v6.13": "v6.13", "v6.14": "v6.14", "v6.16": "v6.15", "v6.18": "v6.17", "v6.19": "v6.17",
    "v7.0": "v7.0", "v7.1": "v7.0", "v7.2": "v7.2", "v7.3": "v7.3",
    "6.18.44": "v6.17", "6.18.44-fc": "v6.17", "6.1.0-54-amd64": "v5.19", "6.12.117+deb12": "v6.12",
    "7.3.0-rc1": "v7.3", "patch1": "patch1", "patch2-rfc2": "patch2-rfc2",
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASES)
def test_every_release_has_a_row(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Scenario(kernel=name).kernel == name
        assert Scenario(kernel=f"{name[1:]}.5-generic").resolved()["pagevec"] in (15, 31)


@pytest.mark.parametrize(("name", "row"), HELD.items())
def test_the_row_that_holds(name, row):
    assert row_for(name).name == row


@pytest.mark.parametrize(
    "name",
    [
        "v5.7",
        "4.19.1",
        "v5.20",
        "v6.20",
        "v6",
        "6.",
        "",
        "v",
        "patch",
        "v6.x",
        "\uff16.1",
        "v6.1.2.3",
    ],
)
def test_what_is_no_kernel_is_one_line_and_no_guess(name):
    with pytest.raises(
        wb.ScenarioError, match=r"accepted: a release from v5\.8 to v7\.3"
    ) as caught:
        Scenario(kernel=name)
    assert "did you mean" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["v7.4", "7.9.1", "v8.0"])
def test_a_release_newer_than_all_rows_is_accepted_with_a_warning(name, capsys):
    with pytest.warns(UnknownKernelWarning, match=rf"kernel {name}: newer .* rules of v7.3"):
        assert row_of(Scenario(kernel=name).kernel) == row_of("v7.3")
    assert main(["run", "--kernel", f"{name},v7.3", "--npages", "2", "--rounds", "1"]) == 0
    assert re.findall("warning", capsys.readouterr().err) == ["warning"]


# -- the rows ----------------------------------------------------------------------------
def test_every_rule_has_a_source_and_a_confidence():
    for name, row in rows().items():
        assert list(row.facts) == list(RULES)
        for rule, fact in row.facts.items():
            assert re.fullmatch("read|inferred|measured: .+", fact.confidence), (name, rule)
            assert fact.source
            assert fact.since in rows()


def test_a_row_names_just_the_rules_that_change():
    for name, table in tables().items():
        if "from" in table:
            before = row_of(table["from"])
            for rule, fact in table.get("rules", {}).items():
                assert fact["value"] != before[rule], (name, rule)


def test_releases_follow_each_other():
    """A release starts from the one before it, but where a stable update has a rule of its own."""
    names = list(releases().values())
    starts = [rows()[name].start for name in names]
    before = [None, *names[:-1]]
    unlike = [(n, s) for n, s, b in zip(names, starts, before, strict=True) if s != b]
    assert unlike == [("v6.13", "v6.11")]


# A table of semantics-2026 8: rule -> the releases from which on it has another value.
CHANGES = {
    "exit_drains": {"v6.14": False},
    "gather_drains": {"v6.14": False},
    "readahead_drains": {"v7.3": False},
    "swapin_drain": {"v5.18": "if-swapcache", "v7.0": "if-not-lru", "v7.3": "never"},
    "first_test": {"v5.9": "1", "v5.18": "3", "v7.3": "1+sc+not-lru"},
    "drain": {"v5.18": "if-not-lru"},
    "sync_swapin": {"v7.0": "swapcache"},
    "free_swap_on_read": {"v7.0": "if-full-or-sync"},
    "free_swap_before_mapping": {"v7.0": False},
    "writable_on_read": {"v6.11": True},
    "pagevec": {"v6.9": 31},
    "batch_clears_lru": {"v6.11": True, "v6.12": False, "v6.13": True, "v6.17": False},
    "dead_filter": {"v7.2": True},
    "slot_cache": {"v6.15": False},
    "uffd_unprotect_writable": {"v6.2": True},
    "frees_swap_after_copy": {"v5.14": True},
    "copies_pinned_at_fork": {"v5.9": True},
    "pinned_not_swapped": {"v5.11": True},
    "lazyfree_extra_ref": {"v5.18": "swapbacked", "v6.15": "keep"},
}


@pytest.mark.parametrize(("rule", "changes"), CHANGES.items())
def test_when_a_rule_changes(rule, changes):
    found, value = {}, row_of("v5.8")[rule]
    for name in RELEASES[1:]:
        now = row_of(name)[rule]
        if now != value:
            found[name] = now
        value = now
    assert found == changes


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [
        ("first_test", FirstTest),
        ("drain", Drain),
        ("swapin_drain", SwapinDrain),
        ("free_swap_on_write", FreeSwap),
        ("sole_owner_writable", SoleOwner),
        ("lazyfree_extra_ref", LazyfreeExtraRef),
    ],
)
def test_the_machines_numbers_are_the_rules_values(rule, numbers):
    assert [RULES[rule].code(member.text) for member in numbers] == list(numbers)
    assert len(RULES[rule].values) == len(numbers)


def test_a_rule_is_in_few_files():
    """As docs/CONTRIBUTING.md lists them: rules.py, layout.py or columns.py, one file of mm/."""
    docstring = re.compile(r'""".*?"""', re.DOTALL)  # where a rule may be an example
    sources = {
        path: docstring.sub("", path.read_text("utf-8"))
        for path in (ROOT / "wpbench").rglob("*.py")
    }
    for name in OVERRIDABLE:
        word = re.compile(rf"\b{name}\b")
        found = {
            p.relative_to(ROOT / "wpbench").as_posix() for p, s in sources.items() if word.search(s)
        }
        follows = {p for p in found if p.startswith("mm/")} - {"mm/layout.py", "mm/invariants.py"}
        assert "scenario/rules.py" in found
        assert len(follows) <= 2, (name, follows)
        assert len(found) <= 7, (name, found)


# -- rules of one's own ------------------------------------------------------------------
def test_an_overridden_rule_is_another_kernel():
    scenario = {"workload": "fork-write", "order": "child-exited", "npages": 8, "write_cpu": 1}
    table = wb.simulate(
        wb.grid(
            kernel=["v6.13", "v6.14"], rules={"exit_drains": [True, False]}, rounds=1, **scenario
        )
    )
    assert table["rules.exit_drains"].tolist() == [True, False, True, False]
    # munmap's and the gather batch's drain of 6.13 does what exit's would do.
    assert table["copies"].tolist() == [0, 0, 0, 8]


def test_rows_with_all_rules_of_another_kernel_are_that_kernel():
    wanted = row_of("v7.3")
    rules = {name: wanted[name] for name in OVERRIDABLE if row_of("v6.18")[name] != wanted[name]}
    same = Scenario(kernel="v6.18", rules=rules).machine_config()
    assert same == Scenario(kernel="v7.3").machine_config()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"exit_drain": True}, r"rule: 'exit_drain' is not accepted.*accepted: reuse_exclusive"),
        ({"exit_drains": 1}, r"rules\.exit_drains: 1 is not accepted.*accepted: true, false"),
        ({"first_test": "2"}, r"rules\.first_test: '2' is not accepted.*mapcount, 1, 1\+sc, 3"),
        ({"pageout_tlb_flushes": 17}, r"rules\.pageout_tlb_flushes: 17 .*accepted: 0 to 16"),
        ({"drain": "never"}, r"rules\.drain: drain is a field of its own"),
        ({"pagevec": 15}, r"rules\.pagevec: pagevec is a field of its own"),
        ("exit_drains", r"rules: 'exit_drains' is not accepted"),
        (["exit_drains"], r"rules: \['exit_drains'\] is not accepted.*a mapping"),
    ],
)
def test_wrong_rules_are_one_line(rules, message):
    with pytest.raises(wb.ScenarioError, match=message) as caught:
        Scenario(rules=rules)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        ["--rule", "exit_drains"],
        ["--rule", "exit_drains=maybe"],
        ["--rule", "exit=true"],
        ["--rule", "drain=never"],
        ["--kernel", "v5.18,v6.x"],
    ],
)
def test_wrong_options_are_one_line(line, capsys):
    assert main(["run", *line]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "accepted" in err


def test_a_grid_file_has_axes_of_rules(tmp_path):
    path = tmp_path / "g.toml"
    path.write_text(
        'title = "t"\nquestion = "q"\n[[grid]]\nkernel = "v6.18"\nnpages = 2\nrounds = 1\n'
        'rules.exit_drains = [true, false]\nrules.first_test = "1+sc"\n'
    )
    scenarios = list(wb.load_grid(path))
    assert [dict(s.rules) for s in scenarios] == [
        {"first_test": "1+sc", "exit_drains": drains} for drains in (True, False)
    ]
    table = wb.simulate(wb.load_grid(path))
    assert table["rules"].tolist() == [str(s.rules) for s in scenarios]
    assert list(table.columns).index("rules.exit_drains") > list(table.columns).index("rules")
    path.write_text(path.read_text().replace("[true, false]", '["yes"]'))
    with pytest.raises(wb.ScenarioError, match=r"grid 1: rules\.exit_drains: 'yes'"):
        wb.load_grid(path)


def test_overrides_are_told_apart_and_written_the_same():
    one, other = (
        Overrides({"exit_drains": True, "first_test": "3"}),
        Overrides({"exit_drains": False}),
    )
    assert Overrides.parse(str(one)) == one
    assert hash(one) == hash(Overrides({"first_test": "3", "exit_drains": True}))
    assert one != other
    row = wb.simulate(wb.Scenario(rules=dict(one), npages=2, rounds=1)).iloc[0]
    assert Scenario.from_row(row).rules == one


def test_drains_fit_the_first_test():
    assert drains_fit("patch1") == ("never",)
    assert drains_fit("patch1", Overrides({"first_test": "3"})) == RULES["drain"].values
    for name in rows():
        strict = row_of(name)["first_test"] in STRICT_TESTS
        assert (drains_fit(name) == ("never",)) is strict


def test_the_instrumented_kernel_is_6_1_but_for_do_wp_page():
    fields = instrumented("patch1")
    row = row_of(fields["kernel"], Overrides(fields["rules"]))
    assert (row["first_test"], row["reuse_exclusive"], fields["drain"]) == ("1+sc", False, "never")
    assert (row["swapin_drain"], row["swp_exclusive"]) == ("if-swapcache", True)
    assert row_name(fields["kernel"])[0] == "v5.19"


# -- the table and the command -----------------------------------------------------------
def test_the_table_of_kernels():
    table = wb.kernels()
    assert table["kernel"].tolist() == list(rows())
    assert list(table.columns[4:]) == list(RULES)
    assert wb.kernels("6.18.44")["row"].tolist() == ["v6.17"]
    with pytest.raises(wb.ScenarioError, match="kernel: 'v9'"):
        wb.kernels("v9")


def test_the_command_lists_and_compares(capsys):
    assert main(["kernels"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(rows())
    assert main(["kernels", "v7.2", "7.3.1", "--diff", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [kernel["row"] for kernel in found] == ["v7.2", "v7.3"]
    assert set(found[0]["rules"]) == set(tables()["v7.3"]["rules"])
    fact = found[1]["rules"]["first_test"]
    assert (fact["value"], fact["source"]) == (
        "1+sc+not-lru",
        "commit 8d596d8b81ef, wp_can_reuse_anon_folio()",
    )
    assert main(["kernels", "v6.12", "--diff"]) == 2
    assert capsys.readouterr().err == "wpbench kernels: --diff: 1 names; accepted: two kernels\n"
    assert main(["kernels", "v5.18", "patch2", "--diff"]) == 0
    assert capsys.readouterr().out.endswith("no rule differs\n")
    assert main(["kernels", "6.18.44"]) == 0
    out = capsys.readouterr().out
    assert all(rule in out for rule in RULES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('from = "v5.8"', 'from = "v5.6"', r"v5\.9: from: 'v5\.6' is not accepted"),
        ('value = "if-swapcache"', 'value = "sometimes"', r"v5\.18: .*swapin_drain: 'sometimes'"),
        ("exit_drains = {", "exits_drain = {", r"v5\.8: rule: 'exits_drain' is not accepted"),
        (
            'confidence = "read" }',
            'confidence = "sure" }',
            r"v5\.8: rules\.\w+\.confidence: 'sure'",
        ),
        ("value = 15", "value = true", r"v5\.8: .*rules\.pagevec: True is not accepted.*1 to 31"),
    ],
)
def test_a_wrong_file_names_table_and_key(tmp_path, monkeypatch, old, new, message):
    text = (wb.data_dir() / "kernels.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "kernels.toml").write_text(text.replace(old, new, 1), "utf-8")
    monkeypatch.setattr("wpbench.scenario.kernels.data_dir", lambda: tmp_path)
    rows.cache_clear()
    try:
        with pytest.raises(wb.WpbenchError, match=message):
            rows()
    finally:
        monkeypatch.undo()
        rows.cache_clear()
