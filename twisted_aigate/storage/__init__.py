"""Object storage: plain HTTP and S3 over metadata in a database and bytes in files."""
