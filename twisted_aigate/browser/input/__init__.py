"""Mouse and keyboard: those of the X server, or the driver's where there is none to reach."""
