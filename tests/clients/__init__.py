"""Apps in several languages, as users write them, that send their telemetry to wherever the environment says."""
