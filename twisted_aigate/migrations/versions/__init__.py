"""One module a revision, C{NNNN_what.py} of the revision C{NNNN}, each after the one before."""
