"""What stands beside the pipelines: one folder each."""
