from __future__ import annotations

from pathlib import Path

import pytest

from grader.workspace import places


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the checkout that the package lies in."""
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "site-packages" / "grader")
    return tmp_path


def test_the_nearest_workspace_above_is_found(workspace: Path) -> None:
    inside = workspace / "katas" / "detection"
    found = places.find(inside, environ={})
    assert found.workspace == workspace
    assert found.katas == workspace / "katas"
    assert found.solutions == workspace / "solutions"
    assert found.is_checkout


def test_an_inner_workspace_wins(workspace: Path) -> None:
    inner = workspace / "inner"
    (inner / "katas").mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[tool.cv-dojo]\n")
    assert places.find(inner, environ={}).workspace == inner


@pytest.mark.parametrize("text", ["", "[tool.other]\nname = 'cv-dojo'\n", "not toml at all = = cv-dojo\n"])
def test_a_project_without_the_table_is_no_workspace(nowhere: Path, text: str) -> None:
    (nowhere / "katas").mkdir()
    (nowhere / "pyproject.toml").write_text(text)
    with pytest.raises(places.MissingWorkspace, match="dojo init practice"):
        places.find(nowhere, environ={})


def test_the_table_without_katas_is_no_workspace(nowhere: Path) -> None:
    (nowhere / "pyproject.toml").write_text("[tool.cv-dojo]\n")
    with pytest.raises(places.MissingWorkspace):
        places.find(nowhere, environ={})


def test_a_slip_in_the_project_file_does_not_hide_the_workspace(workspace: Path) -> None:
    (workspace / "pyproject.toml").write_text("[tool.cv-dojo]\nworkspace = yes please\n")
    assert places.find(workspace, environ={}).workspace == workspace


def test_outside_any_workspace_the_checkout_is_used(tmp_path: Path) -> None:
    checkout = Path(places.__file__).resolve().parents[2]
    assert places.find(tmp_path, environ={}).workspace == checkout


def test_without_solutions_beside_the_katas_the_packaged_ones_are_used(
    nowhere: Path, workspace: Path
) -> None:
    (workspace / "solutions").rename(workspace / "elsewhere")
    shipped = nowhere / "site-packages" / "grader" / "content" / "solutions"
    shipped.mkdir(parents=True)
    found = places.find(workspace, environ={})
    assert found.solutions == shipped
    assert not found.is_checkout


def test_the_record_is_where_the_environment_says(workspace: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "mine.sqlite3"
    assert places.find(workspace, environ={"DOJO_RECORD": str(chosen)}).record == chosen


def test_the_record_is_in_the_users_data_folder_by_default() -> None:
    path = places.record_path({})
    assert path.name == "record.sqlite3"
    assert "cv-dojo" in path.parts


@pytest.mark.parametrize(
    "path", ["katas/detection/test_double.py", "katas/detection/double.py", "solutions/detection/double.py"]
)
def test_a_file_names_its_kata(path: str) -> None:
    assert places.kata_of(Path(path)) == ("detection", "double")
