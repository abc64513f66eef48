"""Make the links of README.md absolute for a package index. All other metadata is in pyproject.toml."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TEXT = re.sub(r"(!\[[^]]*\]\()(?!https?:)", rf"\1{SOURCE}/raw/main/", TEXT)
TEXT = re.sub(r"(?<!!)(\[[^]]*\]\()(?!https?:|#)", rf"\1{SOURCE}/blob/main/", TEXT)

setup(long_description=TEXT, long_description_content_type="text/markdown")
