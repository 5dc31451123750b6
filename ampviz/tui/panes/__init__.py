"""The panes, a file each; `tui.places` lists them."""
