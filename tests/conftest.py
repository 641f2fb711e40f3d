"""
What all tests share.

In CI a test that is skipped is a test that failed: CI installs what the tests need. No example of
hypothesis's is timed: a machine may be busy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.support.lasting import lasting
from tests.support.modules import ModuleScheduling, place

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_FOLDER = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure under CI."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ModuleScheduling:
    """Hand out whole modules, with C{-n}, in the order in which they were collected."""
    config.option.loadscopereorder = False
    return ModuleScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort what is handed out."""
    if hasattr(config, "workerinput"):
        items.sort(key=place)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Run the tests in a folder of their own: trial's C{mktemp} writes where it stands."""
    folder = tempfile.mkdtemp(prefix="aigate-tests-")
    session.config.stash[_FOLDER] = folder
    os.chdir(folder)


def pytest_sessionfinish() -> None:
    """End what lasts for all tests."""
    lasting.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        os.chdir(config.rootpath)
        shutil.rmtree(folder, ignore_errors=True)
