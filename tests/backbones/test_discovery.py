"""Found in three places, by name or pattern; broken plugins are told, duplicates refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from launcher.local.airflow import environment
from model_zoo.backbones import discover, get_backbone, list_backbones, registration
from model_zoo.config import load_settings
from model_zoo.errors import UserError

ROOT = Path(__file__).parents[2]
PLUGIN = """
from model_zoo.backbones import register_backbone

@register_backbone(native_size=32, smallest_size=8, blocks=["a"])
def {name}(input_shape, weights):
    "For tests."
"""


def write(folder: Path, file: str, name: str, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(PLUGIN.format(name=name) + more)
    return folder / file


def test_found_by_name_and_by_pattern(empty_registry, tmp_path: Path) -> None:
    for name in ("mobile_one", "mobile_two", "other"):
        write(tmp_path, f"{name}.py", name)
    write(tmp_path, "_not_a_plugin.py", "hidden")
    discover(tmp_path)
    discover(tmp_path)  # again: nothing is registered twice
    assert list_backbones("mobile*") == ["mobile_one", "mobile_two"]
    assert list_backbones("hidden") == []
    found = get_backbone("other")
    assert found.defined_in == tmp_path / "other.py" and found.summary == "For tests."


def test_files_of_one_name_in_two_folders_are_both_found(empty_registry, tmp_path: Path) -> None:
    for folder, name in (("one", "first"), ("two", "second")):
        write(tmp_path / folder, "plugin.py", name)
        discover(tmp_path / folder)
    assert list_backbones() == ["first", "second"]


def test_an_unknown_name_suggests_the_nearest(zoo) -> None:
    with pytest.raises(UserError, match="'mobilenetv3_small': did you mean mobilenet_v3_small"):
        get_backbone("mobilenetv3_small")


def test_two_with_one_name_are_an_error_that_names_both_files(
    empty_registry, tmp_path: Path
) -> None:
    first, second = (write(tmp_path, file, "twice") for file in ("a.py", "b.py"))
    with pytest.raises(UserError, match="two backbones are called 'twice'") as caught:
        discover(tmp_path)
    assert str(first) in str(caught.value) and str(second) in str(caught.value)


def test_one_file_that_registers_a_name_twice_is_an_error(empty_registry, tmp_path: Path) -> None:
    write(tmp_path, "a.py", "twice", PLUGIN.format(name="twice"))
    with pytest.raises(UserError, match="two backbones are called 'twice'"):
        discover(tmp_path)


def test_a_file_that_airflow_has_executed_too_is_no_duplicate(
    empty_registry, tmp_path: Path
) -> None:
    path = write(tmp_path, "a.py", "once")
    exec(compile(path.read_text(), path, "exec"), {"__file__": str(path), "__name__": "airflows"})
    discover(tmp_path)
    assert list_backbones() == ["once"]


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("register_backbone(size=3)", "TypeError"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out_whole(
    empty_registry, tmp_path: Path, broken: str, cause: str
) -> None:
    path = write(tmp_path, "broken.py", "half", broken)
    write(tmp_path, "sound.py", "sound")
    with pytest.warns(UserWarning, match="left out") as warned:
        discover(tmp_path)
    assert str(path) in str(warned[0].message) and cause in str(warned[0].message)
    assert list_backbones() == ["sound"]
    with pytest.raises(UserError, match=f"Left out: {path} \\({cause.split(':')[0]}"):
        get_backbone("half")


def test_a_mended_plugin_is_found(empty_registry, tmp_path: Path) -> None:
    write(tmp_path, "broken.py", "mine", "import no_such_module")
    with pytest.warns(UserWarning):
        discover(tmp_path)
    write(tmp_path, "broken.py", "mine")
    discover(tmp_path)
    assert list_backbones() == ["mine"] and registration.LEFT_OUT == {}


def test_a_plugins_folder_that_does_not_exist_is_said(empty_registry, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"does not exist: correct CATWALK_PLUGINS_DIR"):
        discover(tmp_path / "nowhere")


def test_plugins_are_found_from_any_folder_and_by_the_dags_steps(
    small_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CATWALK_PLUGINS_DIR")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.plugins_dir == ROOT / "plugins"
    assert environment(settings, recipe=False)["CATWALK_PLUGINS_DIR"] == str(ROOT / "plugins")


def test_reading_plugins_pulls_in_nothing_heavy() -> None:
    program = (
        "import sys; from pathlib import Path; from model_zoo.backbones import discover, "
        "list_backbones; discover(Path('plugins')); assert len(list_backbones()) >= 16; "
        "print({name.split('.')[0] for name in sys.modules} "
        "& {'keras', 'tensorflow', 'mlflow', 'pandas', 'h5py', 'jax'})"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
