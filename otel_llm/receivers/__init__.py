"""Where requests come in. One folder per receiver."""
