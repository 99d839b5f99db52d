"""One door for all plugins: a decorator, entry points, a folder; broken ones are left out whole."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_zoo import plugin_registry
from model_zoo.backbones.registration import BACKBONES
from model_zoo.data.source import SOURCES
from model_zoo.errors import UserError
from model_zoo.images import STEPS
from model_zoo.plugin_registry import LEFT_OUT, DuplicateName, Registry, discover
from model_zoo.settings import Places

ROOT = Path(__file__).parents[1]
BACKBONE = """
from model_zoo import register_backbone

@register_backbone(native_size=32, smallest_size=8, blocks=["a"])
def {name}(input_shape, weights):
    "For tests."
"""
SOURCE = """
from model_zoo import register_source

@register_source("{name}")
def find(data, places, say):
    "For tests."
"""


@pytest.fixture
def nothing_added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Catwalk ships, and nothing of other tests; what a test adds is gone after it."""
    kept = {}
    for registry in plugin_registry._REGISTRIES:
        kept[id(registry)] = {
            name: entry
            for name, entry in registry._entries.items()
            if str(entry.made_by.__module__).startswith("model_zoo.")
        }
    for registry in plugin_registry._REGISTRIES:
        monkeypatch.setattr(registry, "_entries", kept[id(registry)])
    monkeypatch.setattr(plugin_registry, "_REGISTRIES", list(plugin_registry._REGISTRIES))
    LEFT_OUT.clear()
    yield
    LEFT_OUT.clear()


@pytest.fixture
def letters(nothing_added) -> Registry[str]:
    return Registry("letter")


def write(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(content)
    return path


def test_what_catwalk_ships_is_there_without_being_asked_for() -> None:
    assert "resnet50" in BACKBONES and "fashion-mnist" in SOURCES and "upright" in STEPS
    assert BACKBONES.origin("resnet50") == SOURCES.origin("fashion-mnist") == "built in"


def test_what_is_added_is_found_by_name_and_by_pattern(letters: Registry[str]) -> None:
    for name in ("alpha", "beta", "alpine"):
        letters.add(name, name.upper(), write)
    assert letters.get("beta") == "BETA"
    assert letters.names() == ["alpha", "alpine", "beta"]
    assert letters.names("al*") == ["alpha", "alpine"]
    assert "beta" in letters and "gamma" not in letters


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(letters: Registry[str]) -> None:
    with pytest.raises(UserError, match=r"^unknown letter 'x': there are none$"):
        letters.get("x")
    letters.add("alpha", "A", write)
    with pytest.raises(UserError, match=r"^unknown letter 'alfa': did you mean alpha\?$"):
        letters.get("alfa")
    with pytest.raises(UserError, match=r"^unknown letter 'xyz': there are alpha$"):
        letters.get("xyz")


def test_a_name_that_is_taken_is_refused_with_both_files(letters: Registry[str]) -> None:
    letters.add("alpha", "A", write)
    with pytest.raises(DuplicateName, match=r"letter 'alpha' is registered twice, in ") as caught:
        letters.add("alpha", "B", discover)
    assert __file__ in str(caught.value) and plugin_registry.__file__ in str(caught.value)
    assert letters.get("alpha") == "A"


def test_a_class_can_be_registered_too(letters: Registry[type]) -> None:
    letters.add("path", Path, Path)
    assert letters.get("path") is Path and letters.origin("path") == "package pathlib"


def test_plugins_are_the_files_of_a_folder_and_read_once(nothing_added, tmp_path: Path) -> None:
    for name in ("mobile_one", "mobile_two", "other"):
        write(tmp_path, f"{name}.py", BACKBONE.format(name=name))
    write(tmp_path, "_not_a_plugin.py", BACKBONE.format(name="hidden"))
    discover(tmp_path)
    discover(tmp_path)  # again: nothing is registered twice
    assert BACKBONES.names("mobile_*") == ["mobile_one", "mobile_two"]
    assert "hidden" not in BACKBONES
    found = BACKBONES.get("other")
    assert found.defined_in == tmp_path / "other.py" and found.summary == "For tests."


def test_files_of_one_name_in_two_folders_are_both_found(nothing_added, tmp_path: Path) -> None:
    for folder, name in (("one", "first"), ("two", "second")):
        write(tmp_path / folder, "plugin.py", BACKBONE.format(name=name))
        discover(tmp_path / folder)
    assert "first" in BACKBONES and "second" in BACKBONES


def test_a_plugins_file_may_bring_several_kinds(nothing_added, tmp_path: Path) -> None:
    path = write(tmp_path, "both.py", BACKBONE.format(name="mine") + SOURCE.format(name="ours"))
    discover(tmp_path)
    assert BACKBONES.get("mine").defined_in == path
    assert SOURCES.origin("ours") == "plugin both.py"


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("register_backbone(size=3)", "TypeError"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out_and_the_others_go_on(
    nothing_added, tmp_path: Path, broken: str, cause: str
) -> None:
    path = write(tmp_path, "broken.py", BACKBONE.format(name="half") + broken)
    write(tmp_path, "sound.py", BACKBONE.format(name="sound"))
    with pytest.warns(UserWarning, match="left out") as warned:
        discover(tmp_path)
    assert str(path) in str(warned[0].message) and cause in str(warned[0].message)
    assert "sound" in BACKBONES and "half" not in BACKBONES
    with pytest.raises(UserError, match=f"Left out: {path} \\({cause.split(':')[0]}"):
        BACKBONES.get("half")


def test_a_mended_plugin_is_found(nothing_added, tmp_path: Path) -> None:
    write(tmp_path, "broken.py", BACKBONE.format(name="mine") + "import no_such_module")
    with pytest.warns(UserWarning):
        discover(tmp_path)
    write(tmp_path, "broken.py", BACKBONE.format(name="mine"))
    discover(tmp_path)
    assert "mine" in BACKBONES and LEFT_OUT == {}


def test_a_broken_plugin_forgets_what_it_registered_anywhere(nothing_added, tmp_path: Path) -> None:
    both = BACKBONE.format(name="mine") + SOURCE.format(name="ours")
    path = write(tmp_path, "broken.py", f"{both}\nimport no_such_module")
    with pytest.warns(UserWarning, match=f"plugin {path} left out: ModuleNotFoundError"):
        discover(tmp_path)
    assert "mine" not in BACKBONES and "ours" not in SOURCES
    assert list(LEFT_OUT) == [str(path)]
    with pytest.raises(UserError, match=rf"Left out: {path} \(ModuleNotFoundError"):
        SOURCES.get("ours")


def test_a_duplicate_forgets_the_rest_of_its_file_and_what_was_there_stays(
    nothing_added, tmp_path: Path
) -> None:
    content = SOURCE.format(name="ours") + BACKBONE.format(name="resnet50")
    write(tmp_path, "second.py", content)
    with pytest.raises(DuplicateName, match="backbone 'resnet50' is registered twice"):
        discover(tmp_path)
    assert "ours" not in SOURCES and BACKBONES.origin("resnet50") == "built in"


def test_two_files_with_one_name_are_an_error_that_names_both(
    nothing_added, tmp_path: Path
) -> None:
    files = [write(tmp_path, file, BACKBONE.format(name="twice")) for file in ("a.py", "b.py")]
    with pytest.raises(DuplicateName, match="backbone 'twice' is registered twice") as caught:
        discover(tmp_path)
    assert all(str(file) in str(caught.value) for file in files)


def test_one_file_that_registers_a_name_twice_is_an_error(nothing_added, tmp_path: Path) -> None:
    write(tmp_path, "a.py", 2 * BACKBONE.format(name="twice"))
    with pytest.raises(DuplicateName, match="backbone 'twice' is registered twice"):
        discover(tmp_path)


def test_a_file_that_airflow_has_executed_too_is_no_duplicate(
    nothing_added, tmp_path: Path
) -> None:
    path = write(tmp_path, "a.py", BACKBONE.format(name="once"))
    exec(compile(path.read_text(), path, "exec"), {"__file__": str(path), "__name__": "airflows"})
    discover(tmp_path)
    assert BACKBONES.origin("once") == "plugin a.py"


def installed_package(folder: Path, name: str, group: str, content: str) -> Path:
    """A module with the metadata of an installed distribution that offers it in a group."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}\n")
    return write(folder, f"{name}.py", content)


@pytest.mark.parametrize(
    ("group", "registry", "content"),
    [("catwalk.backbones", BACKBONES, BACKBONE), ("catwalk.datasets", SOURCES, SOURCE)],
)
def test_installed_packages_offer_theirs_by_entry_points(
    nothing_added, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group, registry, content
) -> None:
    package = "pkg_" + group.replace(".", "_")
    installed_package(tmp_path, package, group, content.format(name="offered"))
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "plugins", "none.py", "")
    discover(tmp_path / "plugins")
    assert "offered" in registry
    assert registry.origin("offered") == f"package {package}"


def test_a_broken_package_is_left_out_too(
    nothing_added, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_package(tmp_path, "pkg_broken", "catwalk.datasets", "import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "plugins", "none.py", "")
    with pytest.warns(UserWarning, match="entry point pkg_broken = pkg_broken left out"):
        discover(tmp_path / "plugins")


def test_a_folder_that_does_not_exist_is_said(nothing_added, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"does not exist: correct CATWALK_PLUGINS_DIR"):
        discover(tmp_path / "nowhere")


def test_plugins_are_found_from_any_folder_and_by_processes_that_are_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CATWALK_PLUGINS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    places = Places.load()
    assert places.plugins_dir == ROOT / "plugins"
    assert places.as_variables()["CATWALK_PLUGINS_DIR"] == str(ROOT / "plugins")


def test_reading_plugins_pulls_in_nothing_heavy() -> None:
    program = (
        "import sys; from pathlib import Path; from model_zoo.backbones import discover, "
        "list_backbones; discover(Path('plugins')); assert len(list_backbones()) >= 16; "
        "print({name.split('.')[0] for name in sys.modules} "
        "& {'keras', 'tensorflow', 'mlflow', 'pandas', 'h5py', 'jax', 'scipy', 'sklearn'})"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"


def test_an_empty_variable_means_the_plugins_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "strange.py", "raise SystemExit('this must never run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATWALK_PLUGINS_DIR", "")
    folder = Places.load().plugins_dir
    assert folder == ROOT / "plugins"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        discover(folder)
