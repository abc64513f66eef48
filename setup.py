"""Adapt the links of README.md to a package index. All other metadata is in pyproject.toml.

With a Source in [project.urls], relative links become absolute. Without it, links become text, and images are left out.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE = PROJECT.get("urls", {}).get("Source")
IMAGE, LINK = f"{SOURCE}/raw/main/", f"{SOURCE}/blob/main/"
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TEXT = re.sub(r"!\[([^]]*)\]\((?!https?:)([^)]+)\)", rf"![\1]({IMAGE}\2)" if SOURCE else "", TEXT)
TEXT = re.sub(r"(?<!!)\[([^]]*)\]\((?!https?:|#)([^)]+)\)", rf"[\1]({LINK}\2)" if SOURCE else r"\1 (`\2`)", TEXT)

setup(long_description=TEXT, long_description_content_type="text/markdown")
