"""The admin page: what the platform does, seen and steered from one place."""
