"""WebSockets at the edge: what clients offer, and how a route takes them up."""
