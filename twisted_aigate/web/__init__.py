"""The edge: connections, ids, authorisation, limits, errors, bodies in and out."""
