"""The system's own swap: which device it is, and zswap measured on the running kernel."""

import json
import subprocess
import tempfile
from pathlib import Path

import pytest
from test_costs_live import sees

import wpbench as wb
from wpbench import data
from wpbench.commands.main import main
from wpbench.measure.costs import device as device_of
from wpbench.measure.probe import facts
from wpbench.measure.probe.facts import swaps


@pytest.mark.parametrize(
    ("path", "files", "device"),
    [
        (None, {}, r"this system has none; accepted with it: --zram SIZE"),
        ("/dev/nvme0n1p3", {}, r"/dev/nvme0n1p3 cannot be timed; accepted: zswap \(echo Y"),
        ("/dev/nvme0n1p3", {"enabled": "N"}, "cannot be timed"),
        ("/dev/nvme0n1p3", {"enabled": "Y"}, "zswap"),
        ("/dev/zram3", {}, "zram"),
        ("/dev/pmem0", {"vmstat": "swpout_zero 0\n"}, "pmem"),
        ("/dev/ram0", {"vmstat": "pswpin 0\n"}, "cannot be timed"),
    ],
)
def test_the_systems_own_swap(monkeypatch, path, files, device) -> None:
    lines = ["Filename Type Size Used Priority"]
    lines += [f"{path} partition 65532 0 -2"] if path else []
    answers = files | {"swaps": "\n".join(lines)}
    for module in (device_of, facts):
        monkeypatch.setattr(module, "read_text", lambda name: answers.get(Path(name).name))
    if device in data.MEASURED_DEVICES:
        assert device_of.own_swap() == device
    else:
        with pytest.raises(wb.MeasureError, match=device):
            device_of.own_swap()


@pytest.fixture
def zswap():
    """Swap on a file, with zswap in front of it; both are as before in the end."""
    enabled = Path("/sys/module/zswap/parameters/enabled")
    # zswap catches what would go to another test's zram, too.
    if not enabled.exists() or any(entry["backend"] != "zram" for entry in swaps()):
        pytest.skip("needs zswap, and a system without a disk for swap")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = Path(folder, "swap")
        file.touch(0o600)
        file.write_bytes(bytes(64 << 20))
        before = enabled.read_text()
        subprocess.run(["mkswap", "--quiet", file], check=True)
        if subprocess.run(["swapon", file], check=False, capture_output=True).returncode:
            pytest.skip("no swap on a file here")
        try:
            enabled.write_text("Y")
            yield
        finally:
            enabled.write_text(before)
            subprocess.run(["swapoff", file], check=True)


@pytest.mark.root
@sees
def test_the_systems_own_zswap_is_measured(zswap, tmp_path, capsys) -> None:
    path = tmp_path / "zswap.toml"
    assert main(["measure", "costs", "--swap", "--seconds", "1.5", "--json", "-o", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    for step in ("shrink_new", "swapin_return", "zswap_read", "zswap_write"):
        assert found["facts"][step]["source"].startswith("measured: "), step
    assert found["facts"]["zswap_write"]["value"] > 0
    assert set(data.cost_facts(str(path))) >= {"zswap_read", "zswap_write"}
