"""What the keys do, by group: mixins of the application."""
