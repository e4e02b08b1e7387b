"""What sends batches to destinations: one folder each, and the settings they share."""
