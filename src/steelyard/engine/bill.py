"""What seconds cost in energy, money and CO2, where no counter can be read: ranges, with what they assume."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.facts import Quantity, unmeasured
from steelyard.language import Sentence, say
from steelyard.recipe.evidence import Cost

# Watts of one busy core. Low: a virtual core of a big server at full load (Cloud Carbon Footprint's methodology, 3.5 W on AWS).
# High: a desktop's core at its rated power (125 W on 8 cores).
CORE = (3.5, 15.6)
GPU = (70.0, 700.0)  # watts of one accelerator: the rated power of a T4 and of an H100 or H200 (NVIDIA's data sheets)
MEMORY = 0.392  # watts a GB (Cloud Carbon Footprint); at the low end it is in the core's share
BUILDING = (1.0, 1.58)  # what cooling and the like add: nothing at home, the average of data centres (Uptime Institute 2023)
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Power:
    """Watts, between two ends."""

    low: float
    high: float


def power(cores: int, memory_mib: float, accelerators: int) -> Power:
    """Of the part of a machine that works for this process."""
    low = cores * CORE[0] + accelerators * GPU[0]
    high = cores * CORE[1] + accelerators * GPU[1] + memory_mib / 1024 * MEMORY
    return Power(low * BUILDING[0], high * BUILDING[1])


def bill(seconds: tuple[float, float], watts: Power, prices: Cost) -> dict[str, Quantity]:
    """energy (J), money, co2 (g) for a time between two ends: modelled, so they have ends and no value."""
    energy = (seconds[0] * watts.low, seconds[1] * watts.high)
    kwh = (energy[0] / JOULES_PER_KWH, energy[1] / JOULES_PER_KWH)
    grid = prices.grid_g_per_kwh
    why = say("modelled: {low:g} to {high:g} g of CO2 for one kWh (evidence.cost.grid_g_per_kwh)", low=grid[0], high=grid[1])
    return {"energy": _modelled(energy, "J", assumed(watts)), "money": _money(seconds, kwh, prices),
            "co2": _modelled((kwh[0] * grid[0], kwh[1] * grid[1]), "g", why)}


def assumed(watts: Power) -> Sentence:
    """What the energy leans on."""
    return say("modelled: no counter of energy can be read, so {low:.0f} to {high:.0f} W are assumed (busy cores at 3.5 to 15.6 W each, an "
               "accelerator at 70 to 700 W, a building that adds 0 to 58%)", low=watts.low, high=watts.high)


def _money(seconds: tuple[float, float], kwh: tuple[float, float], prices: Cost) -> Quantity:
    if prices.price_per_hour is None and prices.price_per_kwh is None:
        return unmeasured(say("no price is given: evidence.cost.price_per_hour or price_per_kwh"), prices.currency)
    hour, current = prices.price_per_hour or (0.0, 0.0), prices.price_per_kwh or (0.0, 0.0)
    ends = tuple(seconds[i] / 3600 * hour[i] + kwh[i] * current[i] for i in (0, 1))
    return _modelled((ends[0], ends[1]), prices.currency, say("modelled: time and energy at the recipe's prices (evidence.cost)"))


def _modelled(ends: tuple[float, float], unit: str, why: Sentence) -> Quantity:
    return Quantity(value=None, low=ends[0], high=ends[1], unit=unit, how="modelled", better="lower", why=why)
