"""The proxy that all of a browser's traffic goes through, and that lets it go nowhere private."""
