"""The documents say what the code has."""

import re
from pathlib import Path

import pytest

from invoicing_site.demo.home import PROJECT

DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")]


def test_every_setting_is_explained():
    source = (PROJECT / "invoicing_site/settings.py").read_text()
    named = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))

    explained = set(
        re.findall(r"^\| `([A-Z_]+)`", (PROJECT / "docs/operations.md").read_text(), re.MULTILINE)
    )

    assert named == explained


def test_every_dependency_is_explained():
    project = (PROJECT / "pyproject.toml").read_text()
    wanted = re.findall(r'^  "([A-Za-z0-9-]+)', project.partition("[tool.")[0], re.MULTILINE)
    told = (PROJECT / "docs/dependencies.md").read_text().lower()

    missing = [
        name for name in wanted if name.lower() not in told and not name.startswith("types-")
    ]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_architecture_names_modules_that_exist():
    told = (PROJECT / "docs/architecture.md").read_text()
    named = re.findall(r"`((?:invoices|providers|customers|invoicing_site)/[\w./]+)`", told)

    assert [name for name in named if not (PROJECT / name).exists()] == []
