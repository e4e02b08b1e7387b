"""Compiles what every span passes through with mypyc, next to its source: the same code, without the interpreter.

Off unless HATCH_BUILD_HOOK_ENABLE_CUSTOM=true: a wheel without it runs everywhere. Needs a C compiler and Python's
headers. What is compiled is the setting `modules` of the hook in pyproject.toml.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOTS: Final = {"otel_llm": Path("otel_llm"), "otel_llm_processors": Path("processors/otel_llm_processors")}
"""Packages. The compiled modules of one are doors to a library, `PACKAGE__mypyc`, in which they call each other."""


class CompiledModules(BuildHookInterface[Any]):
    """The build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this platform and this Python."""
        self.clean([version])
        os.chdir(self.root)  # mypy knows modules by their paths from here
        compile_in_place(self.config["modules"])
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append("*.so")
        build_data["force_include"] |= {path.name: path.name for path in Path().glob("*__mypyc.*.so")}

    def clean(self, _versions: list[str]) -> None:
        """Remove what was compiled: it would be loaded instead of its source, however old it is."""
        for pattern in ("*__mypyc.*.so", *(f"{package}/**/*.so" for package in ROOTS.values())):
            for compiled in Path(self.root).glob(pattern):
                compiled.unlink()


def compile_in_place(patterns: list[str]) -> None:
    """Put an extension module next to each file that a pattern says, and none with `!` before it.

    Raises:
        SystemExit: mypy or the C compiler refused, and has said why.
    """
    from mypyc.build import mypycify  # needed only here, and installed only where one compiles
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    left_out = {path for pattern in patterns if pattern[0] == "!" for path in Path().glob(pattern[1:])}
    files = sorted({path for pattern in patterns if pattern[0] != "!" for path in Path().glob(pattern)} - left_out)
    groups = [([str(file) for file in files if file.is_relative_to(root)], package) for package, root in ROOTS.items()]
    with TemporaryDirectory() as build:
        extensions = mypycify(
            ["--config-file", "pyproject.toml", *map(str, files)],
            opt_level="2",
            debug_level="0",
            separate=groups,
            target_dir=build,
        )
        packages = {package: str(root) for package, root in ROOTS.items()}
        command = build_ext(Distribution({"ext_modules": extensions, "package_dir": {"": ".", **packages}}))
        command.inplace = True
        command.build_temp = build
        command.parallel = True
        command.ensure_finalized()
        command.run()
