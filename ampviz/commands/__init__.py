"""The subcommands: each module adds its own to the parser, and imports what is heavy when one of them runs."""
