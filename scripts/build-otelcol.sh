#!/usr/bin/env bash
# Build an OpenTelemetry Collector 0.150.0 with contrib's redaction and transform processors into .backends/ of this
# checkout, or into the directory given. Needs Go and about two minutes; does nothing when it is there already.
set -euo pipefail

readonly version=v0.150.0 stable=v1.56.0
backends=${1:-$(dirname "$0")/../.backends}
mkdir -p "$backends"
backends=$(cd "$backends" && pwd)
[[ -x $backends/otelcol ]] && exit 0
command -v go >/dev/null || { echo "build-otelcol: Go is not installed; see go.dev/doc/install" >&2; exit 3; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly core=go.opentelemetry.io/collector contrib=github.com/open-telemetry/opentelemetry-collector-contrib
cat >"$work/manifest.yaml" <<MANIFEST
dist: {name: otelcol, version: ${version#v}, output_path: $work/build}
receivers:
  - gomod: $core/receiver/otlpreceiver $version
processors:
  - gomod: $core/processor/batchprocessor $version
  - gomod: $contrib/processor/redactionprocessor $version
  - gomod: $contrib/processor/transformprocessor $version
exporters:
  - gomod: $core/exporter/debugexporter $version
  - gomod: $core/exporter/otlpexporter $version
  - gomod: $core/exporter/otlphttpexporter $version
providers:
  - gomod: $core/confmap/provider/envprovider $stable
  - gomod: $core/confmap/provider/fileprovider $stable
  - gomod: $core/confmap/provider/yamlprovider $stable
MANIFEST
go run "$core/cmd/builder@$version" --config "$work/manifest.yaml"
mv "$work/build/otelcol" "$backends/otelcol"
echo "$backends/otelcol"
