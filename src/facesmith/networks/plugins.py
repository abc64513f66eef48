"""Plugins: Python files or installed packages that add network families and recipes.

A plugin is executed only where the user asks for it: a file named with ``--plugin`` or in the environment variable
FACESMITH_PLUGINS, or an installed package with an entry point in the group ``facesmith.plugins``. Files in run and
model folders are never executed.
"""

import os
import sys
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from facesmith.errors import FacesmithError

GROUP, VARIABLE = "facesmith.plugins", "FACESMITH_PLUGINS"
_loaded: set[Path] = set()
_installed_are_loaded = False


def load_plugin(file: str | Path) -> None:
    """Execute a plugin file, once. Raises `FacesmithError` for a file that is missing or fails."""
    path = Path(file).resolve()
    if path in _loaded:
        return
    if not path.is_file():
        raise FacesmithError(f"the plugin {file} does not exist: pass a Python file that registers families or recipes")
    name = f"facesmith_plugin_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FacesmithError(f"the plugin {file} is not a Python file: the file name must end in .py")
    _loaded.add(path)
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except FacesmithError:
        raise
    except Exception as error:
        raise FacesmithError(f"the plugin {file} failed with {type(error).__name__}: {error}") from error


def load_installed() -> None:
    """Load the plugins of installed packages and of FACESMITH_PLUGINS, once."""
    global _installed_are_loaded
    if _installed_are_loaded:
        return
    _installed_are_loaded = True  # set first: a plugin looks up families while it registers its own
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            raise FacesmithError(
                f"the installed plugin {entry.name!r} ({entry.value}) failed with {type(error).__name__}: {error}"
            ) from error
    for file in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        load_plugin(file)
