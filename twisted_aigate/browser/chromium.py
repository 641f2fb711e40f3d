"""Chromium as it is started here: its flags, its preferences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.options import Options

from twisted_aigate.browser.children import HEIGHT, WIDTH
from twisted_aigate.kernel.units import MB

_FLAGS = (
    # The page fills the screen, so that its pixels are the screen's.
    "--kiosk",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--hide-crash-restore-bubble",
    # It talks to nobody by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-client-side-phishing-detection",
    "--metrics-recording-only",
    "--disable-breakpad",
    # A page that was left is gone, and takes neither memory nor the network.
    "--disable-features=BackForwardCache",
    # navigator.webdriver is false, as in a person's browser.
    "--disable-blink-features=AutomationControlled",
)
_SHARED_MEMORY = 512 * MB
_NO_FILES = {
    # With keys and a mouse a person could type an address, in a window of its own.
    "policy.url_blocklist": ["file://*", "chrome://*", "view-source:*"],
    # Of these the browser's own windows are made; blocked, they show up as tabs.
    "policy.url_allowlist": [
        f"chrome://{host}"
        for host in ("top-chrome", "newtab", "new-tab-page", "new-tab-page-third-party")
    ],
    # Its windows would have preferences of their own.
    "incognito.mode_availability": 1,
}
"""Preferences that an administrator's policies are otherwise kept in
(https://chromeenterprise.google/policies/#URLBlocklist and C{IncognitoModeAvailability})."""

_NO_FILE_DIALOGS = {"select_file_dialogs.allowed": False}
"""The same, for all profiles (C{AllowFileSelectionDialogs})."""

_THROUGH_THE_PROXY = (
    # Loopback too, which is reached directly otherwise.
    "--proxy-bypass-list=<-loopback>",
    # What goes over UDP passes no proxy.
    "--disable-quic",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # It looks up no name itself.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def _common(preferences: Mapping[str, Any]) -> Options:
    options = Options()
    # Commands go on once a document is parsed: what never loads must not hold them up.
    options.page_load_strategy = "eager"
    options.unhandled_prompt_behavior = "ignore"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in _FLAGS:
        options.add_argument(flag)
    # Without a window manager this leaves one row and one column of the screen free.
    options.add_argument(f"--window-size={WIDTH},{HEIGHT}")
    options.add_argument("--window-position=0,0")
    # Its bar says that the browser is automated; without the other, a click opens one window.
    switches = ["enable-automation", "disable-popup-blocking"]
    options.add_experimental_option("excludeSwitches", switches)
    options.add_experimental_option("prefs", {**_NO_FILES, **preferences})
    options.add_experimental_option("localState", _NO_FILE_DIALOGS)
    return options


def local_options(binary: str, profile: Path, downloads: Path, proxy_port: int) -> Options:
    """
    For a browser on this machine.

    @param binary: The executable.
    @param profile: Where it keeps cookies and all else of its user's.
    @param downloads: Where it puts what it downloads.
    @param proxy_port: On loopback; all that it does goes through there.
    """
    preferences = {
        "download.default_directory": str(downloads),
        "download.prompt_for_download": False,
        "credentials_enable_service": False,
        "profile.password_manager_enabled": False,
        "profile.default_content_setting_values.notifications": 2,
    }
    options = _common(preferences)
    options.binary_location = binary
    for flag in _THROUGH_THE_PROXY:
        options.add_argument(flag)
    options.add_argument(f"--proxy-server=http://127.0.0.1:{proxy_port}")
    options.add_argument(f"--user-data-dir={profile}")
    if os.geteuid() == 0:
        # Chromium's sandbox refuses root.
        options.add_argument("--no-sandbox")
    if _free_shared_memory() < _SHARED_MEMORY:
        # Containers have little of it, and without it pages crash.
        options.add_argument("--disable-dev-shm-usage")
    return options


def _free_shared_memory() -> int:
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 (where it is)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def grid_options() -> Options:
    """For a browser of a Grid."""
    return _common({})
