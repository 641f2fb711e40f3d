"""The gateway's POSTs as jobs: taken now, done later, kept for a while."""
