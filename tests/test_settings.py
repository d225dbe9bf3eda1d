"""Settings: the handbook says what each of them is."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import PREFIX, Settings

HANDBOOK = Path(__file__).resolve().parent.parent / "documents" / "handbook.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_handbook_explains_every_setting(name: str) -> None:
    assert f"`{PREFIX}{name.upper()}`" in HANDBOOK.read_text(encoding="utf-8")
