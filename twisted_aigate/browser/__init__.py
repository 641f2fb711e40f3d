"""The browser cluster: real browsers, driven through one endpoint, one request each at a time."""
