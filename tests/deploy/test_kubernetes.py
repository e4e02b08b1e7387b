"""The manifests are what Kubernetes takes, and say the same as the configs in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from otel_llm.config import HostConfig, load_config

DIRECTORY: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
FILES: Final = sorted(DIRECTORY.glob("*.yaml"))
MANIFESTS: Final = {path.stem: list(yaml.safe_load_all(path.read_text())) for path in FILES}
ALL: Final = [(name, manifest) for name, manifests in MANIFESTS.items() for manifest in manifests]
EACH_FILE: Final = pytest.mark.parametrize("name", MANIFESTS)


def of_kind(name: str, *kinds: str) -> dict[str, Any]:
    """Return the only manifest of these kinds in a file."""
    [found] = [manifest for manifest in MANIFESTS[name] if manifest["kind"] in kinds]
    return dict(found)


def pod(name: str) -> dict[str, Any]:
    """Return the pod that a file describes."""
    template: dict[str, Any] = of_kind(name, "Deployment", "DaemonSet")["spec"]["template"]
    return template


def container(name: str) -> dict[str, Any]:
    """Return the gateway's container."""
    spec = pod(name)["spec"]
    [found] = [each for each in [*spec["containers"], *spec.get("initContainers", ())] if each["name"] == "otel-llm"]
    return dict(found)


def config(name: str) -> HostConfig:
    """Return the config that its ConfigMap holds."""
    return load_config(of_kind(name, "ConfigMap")["data"]["config.yaml"], environ={})


@pytest.mark.parametrize(("name", "manifest"), ALL, ids=lambda part: part["kind"] if isinstance(part, dict) else part)
@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_kubernetes_takes_it(name: str, manifest: dict[str, Any], version: str) -> None:
    """Every field exists and has the right type, in an older and a newer version."""
    kubernetes_validate.validate(manifest, version, strict=True)

    assert manifest["metadata"]["name"].startswith(("otel-llm", "my-app")), name


@EACH_FILE
def test_its_config_is_valid(name: str) -> None:
    """And needs nothing from an environment that the pod does not have."""
    assert [] == config(name).warnings


@EACH_FILE
def test_it_is_asked_where_it_answers(name: str) -> None:
    """The probes' port is that of the extension `health`; the other ports are those of the config."""
    gateway, loaded = container(name), config(name)
    ports = {port["name"]: port["containerPort"] for port in gateway["ports"]}
    protocols = loaded.receivers["otlp"].config.protocols  # type: ignore[attr-defined]  # it is the OTLP receiver's
    listening = {
        "otlp-grpc": protocols.grpc.endpoint,
        "otlp-http": protocols.http.endpoint,
        "metrics": loaded.service.telemetry.metrics.endpoint,
        "health": loaded.extensions["health"].config.endpoint,  # type: ignore[attr-defined]  # as above
    }
    for port, number in ports.items():
        assert f"0.0.0.0:{number}" == listening[port]
    for probe in ("startupProbe", "livenessProbe"):
        assert "health" == gateway[probe]["httpGet"]["port"]


@EACH_FILE
def test_its_files_are_where_it_looks(name: str) -> None:
    """The config, the token and the journal's directory are mounted; all but the last are read-only."""
    gateway = container(name)
    mounts = {mount["mountPath"]: mount for mount in gateway["volumeMounts"]}
    text = of_kind(name, "ConfigMap")["data"]["config.yaml"]
    volumes = {volume["name"]: volume for volume in pod(name)["spec"]["volumes"]}

    assert gateway["args"][-1] == "/etc/otel-llm/config/config.yaml"
    assert mounts["/etc/otel-llm/config"]["readOnly"]
    assert {str(Path(path).parent) for path in re.findall(r"token_file: ([^,}\s]+)", text)} <= set(mounts)
    assert {mount["name"] for mount in mounts.values()} <= set(volumes)
    state = Path(config(name).extensions["storage"].config.directory)  # type: ignore[attr-defined]  # as above
    if "emptyDir" in volumes[mounts["/var/lib/otel-llm"]["name"]]:
        assert Path("/var/lib/otel-llm") == state.parent, "everybody may write to the volume itself"
    else:
        assert Path("/var/lib/otel-llm") == state


@EACH_FILE
def test_it_may_do_as_little_as_possible(name: str) -> None:
    """No root, no capabilities, nothing to write to but its state."""
    security = pod(name)["spec"].get("securityContext", {}) | container(name)["securityContext"]

    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert ["ALL"] == security["capabilities"]["drop"]
    assert "RuntimeDefault" == security["seccompProfile"]["type"]


@EACH_FILE
def test_it_has_time_to_deliver(name: str) -> None:
    """Kubernetes kills it later than it gives up itself."""
    shutdown = config(name).service.shutdown

    assert shutdown.grace + shutdown.drain < pod(name)["spec"]["terminationGracePeriodSeconds"]


@EACH_FILE
def test_what_listens_to_others_asks_who_they_are(name: str) -> None:
    """A receiver that other pods can reach wants a token."""
    protocols = config(name).receivers["otlp"].config.protocols  # type: ignore[attr-defined]  # as above

    for protocol in (protocols.grpc, protocols.http):
        assert protocol.auth is not None or protocol.endpoint.startswith("127.0.0.1:")


def test_the_parts_of_the_gateway_mean_the_same_pods() -> None:
    """Service, autoscaler, disruption budget and network policy."""
    labels = pod("gateway")["metadata"]["labels"]

    assert of_kind("gateway", "Service")["spec"]["selector"].items() <= labels.items()
    assert of_kind("gateway", "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert of_kind("gateway", "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    target = of_kind("gateway", "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert ("Deployment", "otel-llm") == (target["kind"], target["name"])
    assert "replicas" not in of_kind("gateway", "Deployment")["spec"]
