"""An OpenTelemetry gateway and exporter that normalises, prices and checks gen_ai spans."""

__version__ = "0.1.0"
