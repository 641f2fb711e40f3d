"""The storage benchmark: aigate beside moto's server and nginx, in one run on one disk."""
