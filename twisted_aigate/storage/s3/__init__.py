"""The S3 protocol as values: signatures, body framing, checksums. No HTTP framework, no storage."""
