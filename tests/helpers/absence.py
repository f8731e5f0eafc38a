"""What a test needs and a machine may lack."""

import os

import pytest


def absent(what: str) -> None:
    """Skip the test for want of something, or where CI is set fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"continuous integration must install {what}: see .ci/run")
    pytest.skip(f"no {what} on this machine")
