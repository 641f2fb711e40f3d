"""What tests share: in-memory connections, clients of a site, fakes of what the package needs."""
