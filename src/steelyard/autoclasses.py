"""Our families load through Transformers' Auto classes once steelyard is imported, and importing it stays light.

Registering needs Transformers, which takes seconds to load; so it waits until Transformers' Auto classes are loaded.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

AUTO = "transformers.models.auto.modeling_auto"


def when_loaded(then: Callable[[], None]) -> None:
    """Call `then` now where the Auto classes are loaded, else as soon as they are."""
    if AUTO in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, _Watch(then))


class _Watch(MetaPathFinder):
    """Finds one module, as Python would have, and is told when it has run."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.then, self.looking = then, False

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != AUTO or self.looking:
            return None
        self.looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self.loaded)
        return spec

    def loaded(self) -> None:
        """Not sooner: where it fails to load, it is loaded again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self.then()


class _Then(Loader):
    """Runs a module as its own loader would, then calls `then`."""

    def __init__(self, loader: Loader, then: Callable[[], None]) -> None:
        self.loader, self.then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        assert module.__spec__ is not None
        module.__spec__.loader = self.loader
        self.then()
