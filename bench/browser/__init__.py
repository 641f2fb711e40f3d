"""Browsers through the server beside selenium by hand."""
