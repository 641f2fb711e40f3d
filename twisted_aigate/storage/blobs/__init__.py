"""Where objects' bytes lie, under names that say nothing: flat files, or any S3 endpoint."""
