"""Real data and published results lie beside the checkout; a user's machine may not have them."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared(*parts: str) -> Path:
    """The path of shared material; skips the test where it is missing, fails it under CI=true."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} must be there in CI")
        pytest.skip(f"needs {path}")
    return path
