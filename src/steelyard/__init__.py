"""steelyard (杆秤): train a neural network or transformer on your own data, and weigh what came out.

    import steelyard
    run = steelyard.train("recipe.yaml")
    steelyard.predict(run, ["a text"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard import autoclasses, catalog
from steelyard.errors import InputError, Interrupted, OutsideError, SteelyardError
from steelyard.run import Run
from steelyard.version import __version__

if TYPE_CHECKING:
    from steelyard.verbs.check import check
    from steelyard.verbs.explain import explain
    from steelyard.verbs.forecast import forecast
    from steelyard.verbs.gate import gate
    from steelyard.verbs.inspect import inspect
    from steelyard.verbs.predict import predict
    from steelyard.verbs.push import push
    from steelyard.verbs.train import train
    from steelyard.verbs.weigh import weigh

__all__ = ["InputError", "Interrupted", "OutsideError", "Run", "SteelyardError", "__version__", "check", "explain", "forecast", "gate",
           "inspect", "predict", "push", "train", "weigh"]

_VERBS = {"check", "explain", "forecast", "gate", "inspect", "predict", "push", "train", "weigh"}


def __getattr__(name: str) -> Any:
    """A verb's function, imported when it is first asked for."""
    if name in _VERBS:
        return getattr(import_module(f"steelyard.verbs.{name}"), name)
    raise AttributeError(f"module 'steelyard' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


autoclasses.when_loaded(catalog.register_families)
