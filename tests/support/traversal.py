"""treq against a site of ours, in memory."""

from __future__ import annotations

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent, _SynchronousProducer
from twisted.web.resource import Resource

from twisted_aigate.web.site import Site


class SiteAgent(RequestTraversalAgent):
    """An L{twisted.web.iweb.IAgent} whose requests all go to one site."""

    def __init__(self, site: Site) -> None:
        super().__init__(Resource())
        self._serverFactory = site


class SiteClient(HTTPClient):
    """
    treq's API on a site.

    @ivar flush: Carries on the bytes of answers that were not there at once.
    """

    def __init__(self, site: Site) -> None:
        agent = SiteAgent(site)
        # treq's usual one reads bodies piece by piece on the global reactor.
        super().__init__(agent, data_to_body_producer=_SynchronousProducer)
        self.flush = agent.flush
