"""Litmus programs: the format, and every line of what kernels did, on the simulated machine."""

import json
import re

import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.litmus import demanded, measured, parse_program, programs
from wpbench.litmus.parse import MAX_CPUS, MAX_PAGES
from wpbench.measure.compare.known import known_differences

# A kernel whose outcomes are in data/litmus, and the name of its rules.
KERNELS = {name: name for name in ("6.1.180", "6.12.117", "6.18.44", "7.1.5")} | {
    "7.3-rules": "v7.3"
}


def test_every_kind_of_program_is_there_and_five_kernels():
    folders = [path.parent.name for path in programs().values()]
    assert set(folders) == {"written", "cow", "probes", "random"}
    assert (folders.count("written"), folders.count("random")) == (34, 100)
    kernels = {kernel for _, kernel in measured()}
    assert kernels == {"6.1.180", "6.12.117", "6.18.44", "7.1.5", "7.3-rules"}
    assert {name for name, _ in measured()} == set(programs())
    of_all = [name for name in programs() if all((name, k) in measured() for k in kernels)]
    assert len(of_all) == 133


def recorded(kernel):
    return [name for name in programs() if (name, kernel) in measured()]


def as_recorded(name, kernel):
    """Return a program's text as it ran: some ran without their forks (data/differences.toml)."""
    lines = programs()[name].read_text().splitlines(keepends=True)
    failed = known_differences()["fork-failed"]
    if kernel in failed.kernels and name in failed.programs:
        lines = [line for line in lines if line.split()[0] not in ("fork", "exit")]
    return "".join(lines)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_line_is_as_the_kernel_had_it(kernel):
    texts = [as_recorded(name, kernel) for name in recorded(kernel)]
    found = wb.litmus.outcomes(texts, [KERNELS[kernel]])
    wrong = [
        name
        for name, o in zip(recorded(kernel), found, strict=True)
        if o.outcome != measured()[name, kernel]
    ]
    assert wrong == []


def test_the_forks_that_failed_are_those_of_the_last_random_programs():
    failed = known_differences()["fork-failed"]
    forking = [
        name
        for name, path in programs().items()
        if re.search(r"^fork", path.read_text(), re.MULTILINE) and (name, "7.1.5") in measured()
    ]
    assert failed.programs == [name for name in forking if name >= "r2_048" and name[:3] == "r2_"]
    assert (len(failed.programs), len(forking)) == (23, 60)


def test_a_kernels_own_rules_matter():
    """The judge can fail: another kernel's rules give other lines."""
    found = wb.litmus.outcomes(recorded("7.3-rules"), [KERNELS["6.1.180"]])
    wrong = [o.file for o in found if o.outcome != measured()[o.file, "7.3-rules"]]
    assert len(wrong) > 40


@pytest.mark.nojit
def test_r_o_pins_unshare_since_v5_19():
    text = "pages 4\nwrite 0-3\ndrain\nfork\naccess 0-1\nwrite 0-3\n"
    kept, copied = "write 0-3: reuse 2 copy 2", "write 0-3: copy 4"
    assert wb.litmus.run(text, kernel="exclusive").outcome[1] == kept
    assert wb.litmus.run(text, kernel="patch2").outcome[1] == copied


@pytest.mark.nojit
def test_an_unshared_page_is_not_writable_yet():
    text = "pages 2\nwrite 0-1\ndrain\nfork\nexit 0\naccess 0-1\nwrite 0-1\nwrite 0-1\n"
    assert wb.litmus.run(text, kernel="v6.12").outcome[1:] == [
        "write 0-1: reuse 2",
        "write 0-1: hit 2",
    ]


@pytest.mark.nojit
def test_an_unshared_copy_is_clean_so_madv_free_discards_it():
    text = (
        "pages 1\nswap zram\nwrite 0-0\ndrain\nfork\naccess 0-0\nexit 0\ndrain\nfree 0-0\ndrain\n"
    )
    found = wb.litmus.run(text + "pageout 0-0\nmapped 0-0\n", kernel="v6.12")
    assert found.outcome[-1] == "mapped 0-0: 0"


@pytest.mark.nojit
def test_several_kernels_make_a_list_in_their_order():
    found = wb.litmus.run("write 0-1\n", kernel=["v6.12", "v5.8"])
    assert [outcome.kernel for outcome in found] == ["v6.12", "v5.8"]
    assert found[0].outcome == ["write 0-1: minor 2"]
    assert str(found[0]) == "write 0-1: minor 2"


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", [[], 5, None, [None]])
def test_a_kernel_that_is_no_name_is_an_error(kernel):
    with pytest.raises(wb.LitmusError, match=r"kernel: .* is not accepted; accepted: the name of"):
        wb.litmus.run("read 0-0\n", kernel=kernel)


@pytest.mark.nojit
def test_without_swap_nothing_is_paged_out():
    lines = "write 0-3\ndrain\npageout 0-3\nmapped 0-3\n"
    assert wb.litmus.run("swap none\n" + lines, kernel="v6.12").outcome[-1] == "mapped 0-3: 4"
    assert wb.litmus.run("swap zram\n" + lines, kernel="v6.12").outcome[-1] == "mapped 0-3: 0"
    assert wb.litmus.run(lines, kernel="v6.12").outcome[-1] == "mapped 0-3: 0"


@pytest.mark.nojit
def test_a_held_page_that_is_copied_again_and_again_has_room():
    text = "pages 8\n" + "get 0-7\nfork\nwrite 0-7\nexit 0\n" * 6 + "put\n" + "write 0-7\n"
    found = wb.litmus.run("write 0-7\n".join(("pages 8\n", text[8:])), kernel="v6.12")
    assert found.outcome[1] == "write 0-7: copy 8"


@pytest.mark.nojit
def test_more_holders_than_the_machine_has_room_for_are_an_error():
    with pytest.raises(wb.LitmusError, match=r"<text>: a page has more holders of one kind"):
        wb.litmus.run("write 0-0\n" + "get 0-0\n" * 8, kernel="v6.12")


WRONG = [
    ("reed 0-7", ":1: operation: 'reed' is not accepted (did you mean 'read'?)"),
    (
        "pages 8\nread 0-8",
        ":2: read: page: '8' is not accepted; accepted: a whole number from 0 to 7",
    ),
    ("read 5-4", ":1: read: '5-4' is not accepted"),
    ("read -4", ":1: read: '-4' is not accepted"),
    ("read 1-", ":1: read: '1-' is not accepted; accepted: a-b, pages from 0 to 63"),
    ("read 1-2-3", ":1: read: '1-2-3' is not accepted"),
    ("read x", ":1: read: 'x' is not accepted"),
    ("read", ":1: read: '' is not accepted; accepted: the line 'read a-b'"),
    ("read 1 2", ":1: read: '1 2' is not accepted"),
    ("drain 1", ":1: drain: '1' is not accepted; accepted: the line 'drain'"),
    ("pages 0\nread 0", ":1: pages: '0' is not accepted"),
    (f"pages {MAX_PAGES + 1}\nread 0", f"from 1 to {MAX_PAGES}"),
    ("pages eight\nread 0", ":1: pages: 'eight' is not accepted"),
    ("pages " + "9" * 5000 + "\nread 0", "..."),
    ("pages 8\n\npages 8\nread 0", ":3: pages: given twice"),
    ("read 0\npages 8", ":2: pages: it stands before the first operation"),
    ("swap disk\nread 0", ":1: swap: 'disk' is not accepted; accepted: zram, none"),
    (f"on {MAX_CPUS}", f":1: on: '{MAX_CPUS}' is not accepted; accepted: a whole number from 0 to"),
    ("on -1", ":1: on: '-1' is not accepted"),
    ("on \u0664", ":1: on: '\u0664' is not accepted"),
    ("fork\nexit 64", ":2: exit: '64' is not accepted"),
    ("touch 0", ":1: touch: '0' is not accepted"),
    ("fork\nfork", ":2: fork: a child lives already"),
    ("exit 0", ":1: exit: no child lives"),
    ("# nothing\n", ":1: no operation; accepted: at least one of"),
    ("", ":1: no operation"),
    ("a" * 100 + " 1", ":1: operation: 'aaaa"),
]


@pytest.mark.nojit
@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text[:12] for text, _ in WRONG])
def test_a_wrong_line_is_one_clear_error(text, message):
    with pytest.raises(wb.LitmusError) as caught:
        parse_program(text, "a.litmus")
    assert str(caught.value).startswith("a.litmus:")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.nojit
def test_comments_blank_lines_defaults_and_single_pages():
    program = parse_program("# why\n\n  read 3 # one page\nwrite 0-63\n")
    assert (program.pages, program.swap, program.comment, program.cpus) == (64, False, "why", 1)
    assert [(o.line, o.name, o.arg, o.n) for o in program.operations] == [
        (3, "read", 3, 1),
        (4, "write", 0, 64),
    ]


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"read 0\n\xff\n", r":2: not a text file"), (None, "cannot be read: No such file")],
)
def test_a_file_that_is_none(tmp_path, capsys, content, message):
    path = tmp_path / "a.litmus"
    if content is not None:
        path.write_bytes(content)
    assert main(["litmus", "run", str(path), "--kernel", "v6.12"]) == 2
    assert re.search(rf"a\.litmus.*{message}", capsys.readouterr().err)


@pytest.mark.nojit
def test_json_is_a_list_of_file_kernel_outcome(tmp_path, capsys):
    path = tmp_path / "a.litmus"
    path.write_text("pages 2\nwrite 0-1\n")
    assert main(["litmus", "run", str(path), "fill", "--kernel", "v6.12,v5.8", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["file"], row["kernel"]) for row in rows] == [
        (file, kernel) for file in (str(path), "fill") for kernel in ("v6.12", "v5.8")
    ]
    assert rows[0] == {"file": str(path), "kernel": "v6.12", "outcome": ["write 0-1: minor 2"]}


@pytest.mark.nojit
def test_a_table_marks_the_lines_that_differ(capsys):
    assert main(["litmus", "run", "exit-where-touched", "--kernel", "patch1,v6.12"]) == 0
    same = capsys.readouterr().out
    assert "*" not in same
    assert main(["litmus", "run", "exit-elsewhere", "--kernel", "patch1,v6.12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["patch1", "v6.12"]
    assert lines[3].split() == ["write", "0-7", "reuse", "1", "copy", "7", "reuse", "8", "*"]
    assert not lines[1].endswith("*")


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "v6.12x"], "'v6.12x' is not accepted"),
        (["--kernel", ""], "is not accepted"),
        (["--kernel", "v6.12", "--runs", "0"], "runs: 0 is not accepted"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(capsys, arguments, message):
    assert main(["litmus", "run", "fill", *arguments]) == 2
    found = capsys.readouterr().err
    assert message in found
    assert found.count("\n") == 1


@pytest.mark.nojit
def test_list_has_every_program_with_its_comment(capsys):
    assert main(["litmus", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == list(programs())
    assert listed["exit-elsewhere"].startswith("pages wait in CPU 0s lru_add")


# What the kernel's selftest demands of each case, and the rows that fail it: those before
# v5.9 let vmsplice() see a later write (CVE-2020-29374), those before v5.19 copy a pinned page.
FAILS = {
    "v5.8": {"vmsplice", "ro-pin-shared"},
    "v5.9": {"ro-pin-shared", "ro-pin-once-shared-swapped", "ro-pin-exclusive-swapped"},
    "patch2": {"ro-pin-shared"},
    "v5.19": set(),
    "6.18.44": set(),
    "v7.3": set(),
}


def undemanded(found):
    """Return the cases whose outcome is not one that the selftest accepts."""
    wrong = []
    for o in found:
        at, lines = demanded()[o.file]
        if o.outcome[at] not in lines:
            wrong.append(o.file)
    return wrong


@pytest.mark.parametrize("kernel", FAILS)
def test_the_selftest_passes_on_the_kernels_that_pass_it(kernel):
    names = [name for name, path in programs().items() if path.parent.name == "cow"]
    assert set(names) == set(demanded())
    wrong = undemanded(wb.litmus.outcomes(names, [kernel]))
    assert wrong == [name for name in names if any(part in name for part in FAILS[kernel])]


def test_what_the_running_kernel_did_is_what_the_selftest_demands():
    for name, (at, lines) in demanded().items():
        assert measured()[name, "6.18.44"][at] in lines
