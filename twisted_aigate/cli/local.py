"""What needs no running server: C{aigate run}, C{check} and C{init}."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from twisted_aigate.kernel import garbage
from twisted_aigate.kernel.secrets import new_token
from twisted_aigate.kernel.settings import describe, load

_GENERATED = {
    "LITELLM_MASTER_KEY": "sk-",
    "HYBRIDS3_MASTER_KEY": "",
    "HYBRIDS3_UPLOADS_KEY": "",
    "CLAUDEBOX_API_TOKEN": "",
    "CLAUDEBOX_ZAI_API_TOKEN": "",
    "STEALTHY_AUTO_BROWSE_AUTH_TOKEN": "",
}
"""The secrets that a fresh C{.env} gets, and what each starts with."""


def init(folder: Path) -> str:
    """
    Write C{.env} with fresh random secrets, readable by its owner alone; never over one there.

    @return: What was done, in a line.
    """
    path = folder / ".env"
    lines = [
        "# Made by `aigate init`. Any variable of docs/configuration.md can stand here;",
        "# the environment wins over this file.",
        *(f"{name}={new_token(prefix)}" for name, prefix in _GENERATED.items()),
    ]
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return f"{path} is there already; it stays as it is"
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return f"wrote {path} with fresh secrets"


def check(folder: Path) -> str:
    """
    The effective configuration, secrets masked.

    @raise SettingsError: It cannot be used.
    """
    from twisted_aigate.browser.programs import find_programs
    from twisted_aigate.claudebox.accounts import NAME, ZAI, make_instance
    from twisted_aigate.gateway.providers.claudebox import claude_deployments
    from twisted_aigate.gateway.tree import read_cache_plan, read_catalogue, usable_local_models
    from twisted_aigate.platform import unknown_sections
    from twisted_aigate.tunnel.plan import plan_tunnel

    configuration = load(os.environ, folder)
    local = list(usable_local_models(configuration.settings))
    on = [entry for entry, off in local if off is None]
    claudeboxes = {name: make_instance(configuration, name) for name in (NAME, ZAI)}
    claude_on = [name for name, made in claudeboxes.items() if not isinstance(made, str)]
    claude = claude_deployments(claude_on)
    catalogue, _, unsupported = read_catalogue(configuration, claude, on)
    read_cache_plan(configuration)
    lines = [f"{name}={value}" for name, value in describe(configuration.settings)]
    lines.append(f"models: {', '.join(catalogue.names) or 'none'}")
    lines += [f"off: {entry.name}: {off}" for entry, off in local if off]
    lines += [f"off: {name}: {made}" for name, made in claudeboxes.items() if isinstance(made, str)]
    browsers = find_programs(configuration.settings, shutil.which)
    lines += [f"off: browsers: {browsers}"] if isinstance(browsers, str) else []
    unsupported += unknown_sections(configuration)
    tunnel = plan_tunnel(configuration.settings, shutil.which)
    lines += [f"off: tunnel: {tunnel}"] if isinstance(tunnel, str) else []
    lines += [f"not supported, without effect: {key}" for key in unsupported]
    return "\n".join(lines)


def run() -> None:
    """Serve in the foreground, as C{twistd --nodaemon aigate} does."""
    garbage.postpone()
    from twisted.scripts import twistd

    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "aigate"]
    twistd.run()
