"""All scenarios, by name."""

from . import coffee, dragging, form, shopping, trap
from .scenario import Scenario

SCENARIOS = (
    Scenario("shop", shopping.ENGLISH, shopping.CHINESE, shopping.Shopping),
    Scenario("coffee", coffee.ENGLISH, coffee.CHINESE, coffee.Coffee),
    Scenario("form", form.ENGLISH, form.CHINESE, form.Form),
    Scenario("drag", dragging.ENGLISH, dragging.CHINESE, dragging.Dragging),
    Scenario("trap", trap.ENGLISH, trap.CHINESE, trap.Trap, needs=("xterm",)),
)
