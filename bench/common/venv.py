"""Virtual environments of what aigate is measured against, made once and kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.common.console import say
from bench.common.processes import Unusable


def beside_python(command: str) -> Path:
    """
    A command of the environment that we run in.

    @raise Unusable: It has no such command.
    """
    # Not resolved: the environment's interpreter is a link to the system's.
    path = Path(sys.executable).parent / command
    if not path.exists():
        raise Unusable(f"there is no {command} beside {sys.executable}: install aigate there")
    return path


def our_versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that the environment we run in has."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def cache_folder(path: Path) -> Path:
    """Make the folder that benchmarks keep things in, invisible to git."""
    path.mkdir(parents=True, exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "utf-8")
    return path.absolute()


def ensure_venv(folder: Path, requirement: str) -> Path:
    """
    An environment with what is required in it, and with its modules compiled.

    @param folder: Where it is, or is made.
    @param requirement: As pip wants it.
    @return: The folder of its commands.
    @raise Unusable: It cannot be made.
    """
    done = folder / "bench-installed"
    if done.exists() and done.read_text("utf-8") == requirement:
        return folder / "bin"
    say(f"installing {requirement} …")
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
        command = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", requirement]
        subprocess.run(command, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unusable(f"{requirement} cannot be installed: {error}") from None
    done.write_text(requirement, "utf-8")
    return folder / "bin"


def version_in(commands: Path, package: str) -> str:
    """
    The version of a package of another environment.

    @param commands: The folder of its commands.
    @raise Unusable: It is not there.
    """
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    try:
        return subprocess.check_output([str(commands / "python"), "-c", code], text=True).strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unusable(f"{package} is not installed: {error}") from None
