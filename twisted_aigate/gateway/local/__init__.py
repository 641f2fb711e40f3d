"""
The embedded models: each in a worker process of its own.

C{protocol} is what the two sides say; C{worker} and C{engines} are the process, and know nothing
of Twisted; C{table}, C{process}, C{job}, C{model} and C{provider} are this side.
"""
