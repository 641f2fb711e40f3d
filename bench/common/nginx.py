"""nginx: found, configured for loopback and one process, started."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from bench.common.http import wait_until_ok
from bench.common.processes import Child, Unusable

HEALTH = "/health"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_nginx() -> str:
    """
    Where nginx is.

    @raise Unusable: It is not installed.
    """
    # Debian puts it where users' search paths do not look.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unusable("nginx is not installed: apt-get install nginx-light")
    return found


def _said(option: str) -> str:
    done = subprocess.run([find_nginx(), option], capture_output=True, text=True, check=False)
    return done.stderr


def nginx_version() -> str:
    """Its version."""
    return _said("-v").strip().rpartition("/")[2].split()[0]


def find_module(name: str) -> Path | None:
    """A dynamic module's file; C{None}: it is not installed."""
    folder = re.search(r"--modules-path=(\S+)", _said("-V"))
    path = Path(folder[1] if folder else "/usr/lib/nginx/modules", f"{name}.so")
    return path if path.exists() else None


def quoted(text: str) -> str:
    """A text as a parameter in a configuration; it must have no C{$} that means itself."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def start_nginx(
    name: str, folder: Path, port: int, http: str, server: str, modules: tuple[Path, ...] = ()
) -> Child:
    """
    Start nginx as one process that listens on loopback and answers 200 at L{HEALTH}.

    @param name: What messages call it.
    @param folder: Where its files are made.
    @param port: What it listens on.
    @param http: Directives for its C{http} block.
    @param server: Directives for its C{server} block.
    @param modules: Dynamic modules to load.
    @raise Unusable: It does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = " ".join(f"{kind}_temp_path tmp_{kind};" for kind in _TEMPORARY)
    configuration = f"""
{"".join(f"load_module {module};" for module in modules)}
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 600s;
  {temporary}
  {http}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = {HEALTH} {{ return 200 'ok'; }}
    {server}
  }}
}}
"""
    (folder / "nginx.conf").write_text(configuration, "utf-8")
    command = [find_nginx(), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    child = Child(name, command, folder)
    try:
        wait_until_ok(child, port, HEALTH, most=10.0)
    except BaseException:
        child.end()
        raise
    return child
