"""Name -> the part of that name: a file of the room, or a third party's entry point. The folder is the registry."""

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Any, Iterator

from steelyard.autoclasses import AUTO
from steelyard.errors import InputError, unknown
from steelyard.language import say

ROOMS = ("tasks", "families", "sources", "kinds", "metrics", "explainers", "audits")


@cache
def own(room: str) -> tuple[str, ...]:
    """The file stems in the folder, without importing any; "_" in a stem reads "-" and a leading "_" hides a file."""
    stems = (entry.name.removesuffix(".py") for entry in files(f"steelyard.{room}").iterdir() if entry.name.endswith(".py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


@cache
def guests(room: str) -> dict[str, EntryPoint]:
    """Third parties' entry points of the group "steelyard.<room>". Raises InputError where a name is taken."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"steelyard.{room}"):
        if point.name in own(room) or point.name in found:
            raise InputError(say('the installed package "{package}" offers {room} "{name}", but that name is taken; '
                                 "uninstall one of the two",
                                 package=point.dist.name if point.dist else "?", room=room, name=point.name))
        found[point.name] = point
    return found


def names(room: str) -> list[str]:
    """All parts of a room by name; listing imports nothing."""
    return sorted({*own(room), *guests(room)})


def module_of(room: str, name: str) -> str:
    """The dotted name of the module that holds a part."""
    return f"steelyard.{room}.{name.replace('-', '_')}" if name in own(room) else guests(room)[name].module


@cache
def _load(room: str, name: str) -> Any:
    if room == "families":
        import_module(AUTO)  # all families are then registered in turn, and not while this one is half imported
    if name in own(room):
        return import_module(module_of(room, name)).PART
    point = guests(room)[name]
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise InputError(say('the installed package "{package}" offers {room} "{name}", which cannot be imported ({reason}); '
                             "mend or uninstall it",
                             package=point.dist.name if point.dist else "?", room=room, name=name, reason=error)) from error


def load(room: str, name: str, where: str) -> Any:
    """The part (a class) of that name; only its file is imported. `where` says who asks: "recipe.yaml:1 task".

    Raises InputError with the nearest name.
    """
    if name not in own(room) and name not in guests(room):
        raise unknown(room, name, names(room), where)
    return _load(room, name)


def every(room: str) -> Iterator[Any]:
    """All parts of a room, imported one after another."""
    return (load(room, name, room) for name in names(room))


def register_families() -> None:
    """Import the families, each of which registers what it defines; one that is being imported just now does so when it is done.

    So do guests, which may build on that one.
    """
    busy = any(module_of("families", name) in sys.modules for name in own("families"))
    for name in own("families") if busy else names("families"):
        if module_of("families", name) not in sys.modules:
            load("families", name, "families")
