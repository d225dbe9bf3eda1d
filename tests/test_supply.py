"""What the image is made of is locked, and the lock is that of what is declared and tested."""

from __future__ import annotations

import re
import subprocess
import tomllib
from fnmatch import fnmatch

from conftest import ROOT

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.M)


def pins(file: str) -> dict[str, str]:
    found = _PINNED.findall((ROOT / file).read_text("utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_the_lock_holds_what_is_declared_in_the_versions_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["slack"], *extras["mcp"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[<>=\[ ;]", each)[0]).lower() for each in declared}
    locked, tested = pins("image.lock"), pins("constraints.txt")
    assert names <= locked.keys()
    assert {name: locked[name] for name in locked.keys() & tested.keys()} == {
        name: tested[name] for name in locked.keys() & tested.keys()
    }
    assert locked.keys() - tested.keys() == set(), "locked, but not tested in this version"


def test_every_file_in_the_lock_has_a_hash() -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "image.lock").read_text("utf-8").strip())
    assert len(blocks) > 50
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_data_file_of_a_package_is_installed_with_it() -> None:
    """An editable installation would not notice one that is missing."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    for package in tools["packages"]:
        listed = subprocess.run(
            ["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        files = [name.removeprefix(f"{package}/") for name in listed]
        patterns = tools["package-data"].get(package, [])
        data = [name for name in files if not name.endswith((".py", ".cpp", ".gitkeep"))]
        missing = [name for name in data if not any(fnmatch(name, pattern) for pattern in patterns)]
        assert not missing, f"{package} lacks {missing} in package-data"
