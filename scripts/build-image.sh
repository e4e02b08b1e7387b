#!/usr/bin/env bash
# Builds the image of deploy/Containerfile as otel-llm:VERSION. Its context is a directory with the wheel and the lock.
#
# usage: scripts/build-image.sh PYTHON [arguments for `build`]
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
shift

for engine in podman docker; do
	if command -v "$engine" > /dev/null && "$engine" info > /dev/null 2>&1; then
		break
	fi
	engine=
done
if [ -z "$engine" ]; then
	echo "make image needs podman, or docker with a daemon that runs: neither answers here" >&2
	exit 3
fi

context=$(mktemp -d)
trap 'rm -r "$context"' EXIT
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$context" .
cp requirements-runtime.lock "$context"
version=$("$python" -c 'from importlib.metadata import version; print(version("otel-llm"))')
"$engine" build --file deploy/Containerfile --tag "otel-llm:$version" "$@" "$context"
