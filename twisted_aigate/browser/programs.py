"""What browsers run on: programs that have to be installed here, or a Grid."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from twisted_aigate.kernel.settings import Settings, SettingsError

_PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "Xvfb": "xvfb"}


@frozen
class Programs:
    """
    Executables.

    @ivar chromium: The browser.
    @ivar driver: ChromeDriver.
    @ivar x_server: Xvfb.
    """

    chromium: str
    driver: str
    x_server: str


@frozen
class Grid:
    """
    Browsers elsewhere.

    @ivar url: A Selenium Grid's.
    """

    url: str


def find_programs(settings: Settings, which: Callable[[str], str | None]) -> Programs | Grid | str:
    """
    Find what is needed.

    @param which: Where a program is; such as L{shutil.which}.
    @return: The programs, or the Grid in their place, or in one line why browsers are off and how
        to turn them on.
    @raise SettingsError: They are switched on, and something is missing.
    """
    if settings.switches.browser is False:
        return "BROWSER=0; set it to 1 to turn browsers on"
    if settings.browser.grid_url is not None:
        return Grid(settings.browser.grid_url.rstrip("/"))
    found = {name: which(name) for name in _PACKAGES}
    missing = [_PACKAGES[name] for name, path in found.items() if path is None]
    if not missing:
        return Programs(*filter(None, found.values()))
    install = f"apt-get install {' '.join(missing)}"
    if settings.switches.browser:
        raise SettingsError(f"BROWSER: 1, but {', '.join(missing)} not installed; run: {install}")
    return f"{', '.join(missing)} not installed; run: {install}"
