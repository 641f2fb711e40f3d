"""What every layer stands on: settings, units, logging, processes, threads. No HTTP, no tree."""
