"""What folders and tables say of each image: its class, and its part where the source has parts."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from model_zoo.data.image_folder.listing import (
    TABLE_SUFFIXES,
    URL,
    File,
    Listing,
    list_files,
    plain,
)
from model_zoo.data.image_folder.tables import (
    GROUP_COLUMN,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Row,
    column,
    find_column,
    read_table,
)
from model_zoo.data.source import LeftOut
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings

TRAINING, VALIDATION, TEST = "training", "validation", "test"
VANISHED = "it is a link that leads nowhere or in a circle, or vanished while it was listed"
#: Names of folders, and values of a table's split column, that mean a part.
PARTS = {
    "train": TRAINING,
    "training": TRAINING,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
METADATA = "metadata"
#: No class is called so.
UNLABELLED = frozenset(("unlabelled", "unlabeled"))
NAMED = 3  # files that a sentence names as examples


@dataclass(frozen=True)
class Item:
    """One image: where it lies, its class by name, its part and group if the source says them."""

    file: File
    label: str
    part: str | None = None
    group: str = ""


@dataclass
class Arranged:
    """All images of a source as it arranges them.

    Attributes:
        root: folder or URL below which the files' paths lie.
        kind: how they are arranged, in words.
        empty: classes without any image.
    """

    root: str
    kind: str
    items: list[Item] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def arrange(data: DataSettings) -> Arranged:
    """List the files of ``data.images`` and find the class and part of each.

    Raises:
        UserError: nothing is there, it cannot be read, or no class can be told from it.
    """
    location = data.images.rstrip("/")
    if posixpath.splitext(location)[1].lower() in TABLE_SUFFIXES:
        root = posixpath.dirname(location)
        listing = list_files(root)
        found = Arranged(root, f"table {posixpath.basename(location)}")
        _by_table(found, data, listing, location, "")
    else:
        listing = _without_unlabelled(list_files(location), data)
        found = Arranged(location, "class folders")
        _below(found, data, listing)
    _tell(found, listing)
    _check_classes(found)
    return found


def _without_unlabelled(listing: Listing, data: DataSettings) -> Listing:
    """The same without ``data.unlabelled``, where that lies inside."""
    below = f"{data.unlabelled.rstrip('/')}/".removeprefix(f"{listing.root}/")
    if data.unlabelled and below != f"{data.unlabelled.rstrip('/')}/":
        listing.images = [file for file in listing.images if not file.path.startswith(below)]
        listing.folders = {one for one in listing.folders if not f"{one}/".startswith(below)}
    return listing


def _below(found: Arranged, data: DataSettings, listing: Listing) -> None:
    """By metadata files where there are any with classes, else by folders."""
    tables = [one for one in listing.tables if Path(one.path).stem.lower() == METADATA]
    told = False
    for table in tables:
        rows = read_table(f"{found.root}/{table.path}")
        if find_column(rows, (data.label_column,)) is None:
            found.notes.append(
                f"{table.path} has no column {data.label_column!r}: folders name the classes"
            )
            continue
        _by_table(found, data, listing, f"{found.root}/{table.path}", _folder(table.path), rows)
        told = True
    others = [one.path for one in listing.tables if one not in tables]
    if others:
        found.notes.append(
            f"{_some(others)} is not read: name a table of the classes metadata.csv, or give its "
            "path as data.images"
        )
    if not told:
        _by_folders(found, data, listing)
        return
    found.kind = "metadata files"
    named = {item.file.path for item in found.items} | {one.path for one in found.left_out}
    for file in listing.images:
        if file.path not in named:
            found.left_out.append(LeftOut(file.path, "no metadata file names it"))


def _by_table(
    found: Arranged,
    data: DataSettings,
    listing: Listing,
    table: str,
    folder: str,
    rows: list[Row] | None = None,
) -> None:
    rows = read_table(table) if rows is None else rows
    path_column = column(table, rows, PATH_COLUMNS, "the image's path")
    label_column = column(table, rows, (data.label_column,), "the class (data.label_column)")
    split_column = find_column(rows, SPLIT_COLUMNS)
    group_column = find_column(rows, (GROUP_COLUMN,))
    known = {file.path: file for file in listing.images}
    for number, row in enumerate(rows, start=1):
        written = str(row[path_column] or "")
        path = written if _absolute(written) else posixpath.normpath(f"{folder}{written}")
        label = row[label_column]
        file = known.get(path) or _elsewhere(path)
        if label is None or str(label).strip() == "":
            found.left_out.append(LeftOut(path, f"row {number} of the table has no class"))
        elif file is None:
            reason = f"row {number} of the table names it, and there is no such image"
            found.left_out.append(LeftOut(path, reason, broken=True))
        else:
            part = _part(table, row[split_column]) if split_column else _part_of_folder(path)
            group = str(row[group_column] or "").strip() if group_column else ""
            found.items.append(Item(file, plain(str(label).strip()), part, plain(group)))
    _tell_of_folders(found, table)


def _tell_of_folders(found: Arranged, table: str) -> None:
    """A table may say otherwise than the folder in which a file lies: the table counts."""
    labels = {item.label for item in found.items}
    folders = [Path(item.file.path).parent.name for item in found.items]
    other = [
        item.file.path
        for item, folder in zip(found.items, folders, strict=True)
        if folder != item.label and folder in labels
    ]
    if other:
        found.notes.append(
            f"{len(other):,} files lie in the folder of another class than "
            f"{posixpath.basename(table)} says, and the table counts: {_some(other)}"
        )


def _part(table: str, value: object) -> str:
    part = PARTS.get(str(value).strip().lower())
    if part is None:
        raise UserError(f"{table}: the split {value!r} is none of {', '.join(PARTS)}")
    return part


def _part_of_folder(path: str) -> str | None:
    return PARTS.get(path.split("/")[0].lower()) if "/" in path else None


def _absolute(path: str) -> bool:
    return path.startswith("/") or URL in path


def _elsewhere(path: str) -> File | None:
    """A file outside the table's folder."""
    try:
        if not _absolute(path) or URL in path:
            return File(path, 0, "") if URL in path else None
        status = Path(path).stat()
    except OSError:
        return None
    return File(path, status.st_size, str(status.st_mtime_ns))


def _by_folders(found: Arranged, data: DataSettings, listing: Listing) -> None:
    prefix = _inside_wrappers(listing)
    if prefix:
        found.notes.append(f"the images lie in {prefix.rstrip('/')}")
    files = [(file, plain(file.path[len(prefix) :]).split("/")) for file in listing.images]
    tops = Counter(parts[0] for _, parts in files if len(parts) > 1)
    split = _split_folders(tops)
    if split:
        found.kind = f"class folders in {', '.join(sorted(split))}"
    deep: Counter[str] = Counter()
    for file, parts in files:
        part = PARTS[parts[0].lower()] if split and parts[0] in split else None
        if split and part is None:
            reason = f"lies beside the folders {', '.join(sorted(split))}"
            found.left_out.append(LeftOut(file.path, reason))
            continue
        folders = parts[1:-1] if split else parts[:-1]
        if not folders:
            found.left_out.append(LeftOut(file.path, "lies in no class folder"))
            continue
        deep[folders[0]] += len(folders) > 1
        label = folders[0] if data.label_from == "first-folder" else folders[-1]
        found.items.append(Item(file, label, part))
    nested = [name for name, count in deep.items() if count]
    if nested and data.label_from == "first-folder":
        found.notes.append(
            f"folders inside {_some(nested)} count to these classes; "
            'data.label_from = "last-folder" makes each a class of its own'
        )
    if data.label_from == "first-folder":
        found.empty += _empty_classes(found, listing, prefix, depth=2 if split else 1)


def _empty_classes(found: Arranged, listing: Listing, prefix: str, depth: int) -> list[str]:
    """Folders where classes lie that hold no image anywhere."""
    holding = {item.label for item in found.items}
    below = (folder[len(prefix) :] for folder in listing.folders if folder.startswith(prefix))
    names = {plain(one.split("/")[-1]) for one in below if one.count("/") + 1 == depth}
    return sorted(names - holding)


def _inside_wrappers(listing: Listing) -> str:
    """The folders around everything, as an unpacked archive has one: "photos/", or nothing."""
    prefix = ""
    while True:
        below = [file.path[len(prefix) :].split("/") for file in listing.images]
        tops = {parts[0] for parts in below}
        if len(tops) != 1 or len(below[0]) < 2 or below[0][0].lower() in PARTS:
            return prefix
        if not all(len(parts) > 2 for parts in below):  # it holds images itself: a class
            return prefix
        prefix += f"{below[0][0]}/"


def _split_folders(tops: Counter[str]) -> set[str]:
    """Folders that mean parts: with `train` among them and another part, or nothing beside it.

    A class may be called `train` too, beside `car` and `plane`.
    """
    parts = {name for name in tops if name.lower() in PARTS}
    kinds = {PARTS[name.lower()] for name in parts}
    return parts if TRAINING in kinds and (len(kinds) > 1 or len(tops) == 1) else set()


def _tell(found: Arranged, listing: Listing) -> None:
    """Sentences for what was passed over."""
    for path in listing.dangling:
        found.left_out.append(LeftOut(path, VANISHED))
    if listing.system:
        found.notes.append(f"{listing.system:,} hidden or system files are passed over")
    if listing.others:
        kinds = ", ".join(f"{count:,} {name}" for name, count in listing.others.most_common(5))
        found.notes.append(f"files that are no pictures are passed over: {kinds}")
    for name in found.empty:
        found.notes.append(f"class {name!r} has no image: it is no class of this project")


def _check_classes(found: Arranged) -> None:
    names = sorted({item.label for item in found.items})
    folded: dict[str, str] = {}
    for name in names:
        if name.casefold() in UNLABELLED:
            raise UserError(
                f"{found.root}: {name!r} is the name of a folder of images without a class, not of "
                f"a class. Set data.unlabelled to it, or give it another name"
            )
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"{found.root}: the classes {other!r} and {name!r} differ only in upper and lower "
                "case: rename one, or make them one"
            )
    if not found.items:
        beside = f" {len(found.left_out):,} files lie in no class" if found.left_out else ""
        raise UserError(
            f"{found.root}: expected images in one folder a class, or a table of paths and "
            f"classes. Received no image with a class.{beside}"
        )
    if len(names) < 2:
        raise UserError(
            f"{found.root}: expected at least two classes. Received one, {names[0]!r}: give each "
            "class a folder"
        )


def _folder(path: str) -> str:
    return f"{posixpath.dirname(path)}/" if "/" in path else ""


def _some(names: Iterable[str]) -> str:
    """A few names, and how many more."""
    names = list(names)
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
