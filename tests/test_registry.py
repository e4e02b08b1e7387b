from __future__ import annotations

from importlib import invalidate_caches
from typing import TYPE_CHECKING, Any

import pytest

from otel_llm.component import Config, ExporterFactory, ReceiverFactory, Settings
from otel_llm.config import load_config
from otel_llm.errors import ConfigError
from otel_llm.registry import ComponentInfo, Kind, Registry

if TYPE_CHECKING:
    from pathlib import Path

FACTORY = """
from otel_llm.component import Config, ExporterFactory
factory = ExporterFactory({name!r}, Config, lambda config, settings: None, "beta")
"""


def no_component(_config: Config, _settings: Settings) -> Any:
    """Stand where a config is read and nothing is built."""
    raise AssertionError


class Distributions:
    """Installs distributions as pip would leave them: a module, and a `.dist-info` folder beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def install(self, distribution: str, entry: str, source: str = "", *, group: str = "otel_llm.exporters") -> Path:
        """Install *source* as the module that is named after the distribution; *entry* is `name = object [extras]`."""
        site = self._folder / distribution
        information = site / f"{distribution}-1.2.dist-info"
        information.mkdir(parents=True)
        information.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        name, _, attribute = entry.partition(" = ")
        information.joinpath("entry_points.txt").write_text(f"[{group}]\n{name} = {distribution}:{attribute}\n")
        site.joinpath(f"{distribution}.py").write_text(source)
        self._monkeypatch.syspath_prepend(site)
        invalidate_caches()
        return site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distributions:
    """Where a test's distributions are found, besides the installed ones."""
    return Distributions(tmp_path, monkeypatch)


def problem(registry: Registry, name: str) -> str:
    """Return why the exporter cannot be loaded."""
    with pytest.raises(ConfigError) as caught:
        registry.load(Kind.EXPORTER, name)
    return str(caught.value)


def test_a_component_is_found_by_the_name_its_distribution_registers(site: Distributions) -> None:
    """Installing is all that a third party has to do."""
    site.install("acme_a", "acme_out = factory", FACTORY.format(name="acme_out"))
    registry = Registry()

    assert "acme_out" in registry.names(Kind.EXPORTER)
    assert "acme_out" not in registry.names(Kind.RECEIVER)
    assert "acme_out" == registry.load(Kind.EXPORTER, "acme_out").name
    assert ComponentInfo(Kind.EXPORTER, "acme_out", "beta", "acme_a", "1.2") in registry.components()


def test_what_nothing_names_is_not_imported(site: Distributions) -> None:
    """Neither to know its name, nor when it is defined in a config without being used."""
    site.install("acme_b", "acme_broken = factory", "raise SystemExit")
    registry = Registry([ReceiverFactory("in", Config, no_component), ExporterFactory("out", Config, no_component)])
    config = """
        receivers: {in: }
        exporters: {out: , acme_broken: {any: thing}}
        service: {pipelines: {metrics: {receivers: [in], exporters: [out]}}}
    """

    assert ["config:3: exporters.acme_broken: is defined, but not used"] == load_config(
        config, registry=registry
    ).warnings


def test_two_distributions_with_one_name_are_refused_by_name(site: Distributions) -> None:
    """Which of them is meant is not guessed."""
    site.install("acme_c", "acme_twice = factory", FACTORY.format(name="acme_twice"))
    site.install("acme_d", "acme_twice = factory", FACTORY.format(name="acme_twice"))

    assert "the exporter acme_twice is registered by acme_c and acme_d: uninstall all but one" == problem(
        Registry(), "acme_twice"
    )


def test_a_distribution_that_is_found_twice_counts_once(site: Distributions, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an editable one is, beside the one in its build folder."""
    folder = site.install("acme_e", "acme_once = factory", FACTORY.format(name="acme_once"))
    copy = folder.with_name("copy")
    copy.joinpath("acme_e-1.2.dist-info").mkdir(parents=True)
    for file in folder.joinpath("acme_e-1.2.dist-info").iterdir():
        copy.joinpath("acme_e-1.2.dist-info", file.name).write_text(file.read_text())
    monkeypatch.syspath_prepend(copy)

    assert "acme_once" == Registry().load(Kind.EXPORTER, "acme_once").name


@pytest.mark.parametrize(
    ("module", "entry", "source", "expected"),
    [
        ("acme_lacking", "factory", "import acme_none", "needs the module acme_none, which is not installed"),
        (
            "acme_extra",
            "factory [kafka]",
            "import acme_none",
            "needs the module acme_none, which is not installed: install acme_extra[kafka]",
        ),
        ("acme_raising", "factory", "raise OSError('s3cret')", "cannot be imported: OSError in acme_raising"),
        ("acme_empty", "factory", "", "cannot be imported: AttributeError in acme_empty"),
        ("acme_number", "factory", "factory = 5", "is not an instance of ExporterFactory"),
        (
            "acme_receiver",
            "factory",
            FACTORY.format(name="acme").replace("Exporter", "Receiver"),
            "is not an instance of ExporterFactory",
        ),
        ("acme_misnamed", "factory", FACTORY.format(name="b"), "calls itself b: the two names must be one"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_to_do(
    site: Distributions, module: str, entry: str, source: str, expected: str
) -> None:
    """In sentences of our own, and the list of components still shows it."""
    site.install(module, f"acme = {entry}", source)
    registry = Registry()

    assert f"the exporter acme of {module} {expected}" == problem(registry, "acme")
    assert [ComponentInfo(Kind.EXPORTER, "acme", None, module, "1.2", problem(registry, "acme"))] == [
        each for each in registry.components() if each.name == "acme"
    ]


def test_an_unknown_name_is_answered_with_the_nearest_and_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is what can be written there instead."""
    monkeypatch.setattr("otel_llm.registry.entry_points", lambda group: ())  # noqa: ARG005 - whatever is installed
    registry = Registry([ExporterFactory(name, Config, no_component) for name in ("otlp", "debug")])

    assert "unknown exporter otpl (did you mean otlp?); installed: debug, otlp" == problem(registry, "otpl")
    assert "unknown exporter x; installed: debug, otlp" == problem(registry, "x")
    assert "unknown exporter x; installed: none" == problem(Registry(), "x")


def test_factories_that_are_passed_come_before_installed_ones(site: Distributions) -> None:
    """So that a program that embeds the host needs no packaging, and may replace a component."""
    site.install("acme_f", "acme_own = factory", "raise SystemExit")
    own = ExporterFactory("acme_own", Config, no_component)

    assert own is Registry([own]).load(Kind.EXPORTER, "acme_own")
    assert ComponentInfo(Kind.EXPORTER, "acme_own", "alpha", "", "") in Registry([own]).components()
