"""The option that rewrites goldens."""

from __future__ import annotations

import os

import pytest

UPDATE = "--update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(UPDATE, action="store_true", help="write what the cases print into their goldens")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(UPDATE, default=False) and os.environ.get("CI"):
        raise pytest.UsageError(f"{UPDATE} is for people, who look at what changed: not where CI is set")


@pytest.fixture
def updates_goldens(request: pytest.FixtureRequest) -> bool:
    # Where all tests are collected this file is found too late to add its option.
    return bool(request.config.getoption(UPDATE, default=False))
