"""The schema's revisions, run by Alembic at the start of a process; see L{kernel.database}."""
