#!/usr/bin/env bash
# Build Jaeger's all-in-one 1.76.0 into .backends/ of this checkout, or into the directory given. Needs Go and about
# two minutes; does nothing when it is there already. v1 because one binary takes flags, keeps spans in memory and
# answers queries. The page that shows traces is left out: its assets are no part of the Go module.
set -euo pipefail

readonly version=v1.76.0
backends=${1:-$(dirname "$0")/../.backends}
mkdir -p "$backends"
backends=$(cd "$backends" && pwd)
[[ -x $backends/jaeger ]] && exit 0
command -v go >/dev/null || { echo "build-jaeger: Go is not installed; see go.dev/doc/install" >&2; exit 3; }

# Built where the module was unpacked, with its own go.sum: `go install` refuses a go.mod that replaces modules.
source=$(go mod download -json "github.com/jaegertracing/jaeger@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
go build -C "$source" -buildvcs=false -o "$backends/jaeger.part" ./cmd/all-in-one
mv "$backends/jaeger.part" "$backends/jaeger"
echo "$backends/jaeger"
