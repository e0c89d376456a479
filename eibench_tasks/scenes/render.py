"""From a scene to pixels."""

from eibench_tasks.scenes.canvas import Canvas, Pixels
from eibench_tasks.scenes.catalogue import Thing, things
from eibench_tasks.scenes.pen import Pen
from eibench_tasks.scenes.people import draw_person
from eibench_tasks.scenes.places import PLACES
from eibench_tasks.scenes.scene import Figure, Placed, Scene

WIDTH, HEIGHT = 560, 448
"""Of every scene, in pixels."""


def render(scene: Scene) -> Pixels:
    """Draws a scene: the place, what hangs high, then whatever stands, from the back to the front."""
    canvas = Canvas(WIDTH, HEIGHT)
    PLACES[scene.place].draw(canvas)
    known = things()
    standing: list[Figure | Placed] = []
    for placed in scene.placed:
        if known[placed.name].high:
            _draw_thing(canvas, known[placed.name], placed)
        else:
            standing.append(placed)
    for one in sorted([*standing, *scene.figures], key=lambda one: (one.at[1], one.at[0])):
        if isinstance(one, Figure):
            draw_person(one.person, Pen(canvas, one.at, 100, mirrored=one.mirrored))
        else:
            _draw_thing(canvas, known[one.name], one)
    return canvas.pixels()


def _draw_thing(canvas: Canvas, thing: Thing, placed: Placed) -> None:
    thing.draw(Pen(canvas, placed.at, placed.size, placed.look, placed.mirrored))
