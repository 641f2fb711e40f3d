"""The tunnel: cloudflared, supervised, which brings the internet to this server."""
