"""`catwalk versions`: whole in a terminal of 80 columns, as in a pipe."""

import pytest
from first_run import FirstRun

from launcher.cli.main import main


def test_nothing_is_cut_off_in_eighty_columns(
    first_run: FirstRun, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["versions"]) == 0
    heading, _, *rows = (line for line in capsys.readouterr().out.splitlines() if line.strip())
    for word in ("version", "aliases", "accuracy", "backbone", "data", "gate", "made (UTC)"):
        assert word in heading
    assert rows[-2].split()[:2] == ["1", "production"]
    assert "weights none" in rows[-1] and "generated" in rows[-1]
    assert not any("…" in line for line in (heading, *rows))
