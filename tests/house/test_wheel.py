"""The wheel holds every file of the package, those that are no Python too, and nothing else."""

import subprocess
import sys
import zipfile

import pytest


@pytest.mark.long
def test_the_wheel_is_whole(root, tmp_path, committed):
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install -e .[dev]")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                    "--wheel-dir", str(tmp_path), str(root)], check=True)
    (wheel,) = tmp_path.glob("steelyard-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist())
    source = root / "src"
    want = {path.relative_to(source).as_posix() for path in committed if source in path.parents}
    assert inside == want
    assert any(not name.endswith(".py") for name in inside)
