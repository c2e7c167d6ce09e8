"""The first look at what a recipe names: whatever is wrong with the data is said before torch and Transformers are loaded."""

from steelyard import catalog
from steelyard.engine import architectures
from steelyard.engine.split import Dataset, dataset
from steelyard.parts import Task
from steelyard.recipe.recipe import Recipe


def look(recipe: Recipe) -> Dataset:
    """Read and split the rows and fit the task to them; `prepare` takes what comes out, so that nothing is done twice.

    Raises InputError for a task or family that is none, for data that cannot be read or split, and for labels that teach nothing.
    """
    task: type[Task] = catalog.load("tasks", recipe.task, recipe.where("task"))
    family = recipe.model.family
    if family is not None and family not in catalog.names("families"):
        if family.rpartition(":")[2] not in (known := architectures.named()):
            raise architectures.unknown(family, recipe.where("model.family"), known)
        from steelyard.engine.prepare import family_part  # which loads torch

        family_part(family, recipe.where("model.family"))
    data = dataset(recipe, task)
    if recipe.training != "none":
        task.fit(data.rows["train"])
    return data
