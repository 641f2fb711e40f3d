"""Which deployment answers a call: chosen, tried again, fallen back from."""
