"""Makes C{twistd aigate} known to twistd."""

from twisted_aigate.plugin import AigateServiceMaker

service_maker = AigateServiceMaker()
