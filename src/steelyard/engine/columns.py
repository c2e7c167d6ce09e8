"""Which column of the data is which of the task: by the recipe, by name, by alias, by kind; a doubt is said, not guessed."""

from collections.abc import Mapping, Sequence

from steelyard import catalog
from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say
from steelyard.parts import Column, Kind, Row


def kind_of(column: Column) -> Kind:
    """The kind that parses a column's values."""
    kind: Kind = catalog.load("kinds", column.kind, column.name)()
    return kind


def match(columns: Sequence[Column], samples: Sequence[Row], told: Mapping[str, str], where: str) -> dict[str, str]:
    """Task's column -> data's column, from the first rows. Raises InputError that names the candidates and the remedy.

    told    the recipe's data.columns
    where   the file, for complaints
    """
    there = list(dict.fromkeys(name for row in samples for name in row))
    for ours in told:
        if ours not in {column.name for column in columns}:
            raise InputError(say('data.columns.{name}: the task has no such column{hint} (it has: {known})', name=ours,
                                 hint=did_you_mean(ours, [c.name for c in columns]), known=listing(c.name for c in columns)))
    found: dict[str, str] = {}
    answered = {column.name for column in columns if column.target and column.name in told}  # the recipe says which target is meant
    for column in columns:
        if column.target and answered and column.name not in answered:
            continue
        free = there if column.name in told else [name for name in there if name not in found.values()]
        if (name := _named(column, free, told, where)) and (column.required or column.name in told or _suits(column, samples, name)):
            found[column.name] = name
    answered |= {column.name for column in columns if column.target and column.name in found}
    for column in columns:
        if column.name in found or not column.required or (column.target and answered):
            continue
        if (name := _by_kind(column, samples, [n for n in there if n not in found.values()], where)):
            found[column.name] = name
    return found


def _suits(column: Column, samples: Sequence[Row], name: str) -> bool:
    """Whether a column that a task can do without is more than a namesake."""
    return kind_of(column).fits([row.get(name) for row in samples])


def _named(column: Column, there: Sequence[str], told: Mapping[str, str], where: str) -> str | None:
    if wanted := told.get(column.name):
        if wanted not in there:
            raise InputError(say('{where}: no column "{wanted}" (data.columns.{name}){hint}; there are: {known}', where=where,
                                 wanted=wanted, name=column.name, hint=did_you_mean(wanted, there), known=listing(there)))
        return wanted
    lower = {name.strip().lower(): name for name in there}
    if column.name in lower:
        return lower[column.name]
    known = [lower[alias] for alias in column.aliases if alias in lower]
    if len(known) > 1:
        raise _doubt(column, known, where)
    return known[0] if known else None


def _by_kind(column: Column, samples: Sequence[Row], free: Sequence[str], where: str) -> str | None:
    kind = kind_of(column)
    fitting = [name for name in free if kind.fits([row.get(name) for row in samples])]
    if len(fitting) > 1:
        raise _doubt(column, fitting, where)
    if not fitting and column.required and not column.target:
        raise InputError(say('{where}: no column looks like "{name}" ({kind}); there are: {known}; name it with data.columns.{name}',
                             where=where, name=column.name, kind=column.kind, known=listing(free)))
    return fitting[0] if fitting else None


def _doubt(column: Column, names: Sequence[str], where: str) -> InputError:
    return InputError(say('{where}: the columns {names} could each be "{name}"; say which with data.columns.{name}: {first}',
                          where=where, names=listing(names), name=column.name, first=names[0]))
