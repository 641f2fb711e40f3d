"""C{twistd aigate}: the options and the service maker. There is no logic here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.application.service import IService, IServiceMaker
from twisted.logger import ILogObserver
from twisted.plugin import IPlugin
from twisted.python.usage import Options, UsageError
from zope.interface import implementer


def stderr_observer() -> ILogObserver:
    """The log observer of a process that was not told another."""
    from twisted_aigate.kernel.logging import make_observer
    from twisted_aigate.kernel.settings import load

    settings = load(os.environ, Path.cwd()).settings
    return make_observer(sys.stderr, settings.log_format, settings.log_level)


class AigateOptions(Options):
    """There are no options of our own: everything is a variable, see C{aigate check}."""

    synopsis = "[twistd options] aigate"
    longdesc = "Serves aigate, configured by environment variables and ./.env."

    def postOptions(self) -> None:
        """Check the configuration before anything starts, and choose the log's format."""
        from twisted_aigate.kernel.settings import SettingsError, load

        try:
            load(os.environ, Path.cwd())
        except SettingsError as error:
            raise UsageError(str(error)) from None
        twistd = self.parent
        if twistd is not None and not twistd.get("logger") and not twistd.get("logfile"):
            twistd["logger"] = f"{__name__}.{stderr_observer.__name__}"


@implementer(IPlugin, IServiceMaker)
class AigateServiceMaker:
    """Makes the service."""

    tapname = "aigate"
    description = "One process, one port, a whole AI platform."
    options = AigateOptions

    def makeService(self, options: Options) -> IService:
        """Make it, on the reactor that twistd has installed."""
        from twisted_aigate.kernel import garbage

        garbage.postpone()
        from twisted.internet import reactor

        from twisted_aigate.application import make_service
        from twisted_aigate.kernel.settings import SettingsError

        try:
            return make_service(reactor)
        except SettingsError as error:
            raise SystemExit(f"aigate: {error}") from None
