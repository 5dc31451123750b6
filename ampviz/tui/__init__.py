"""The terminal UI: shows the snapshots of a session and sends it requests over the link. Knows no runtime."""
