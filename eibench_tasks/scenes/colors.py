"""The colours of all scenes, so that they look drawn by one hand."""

from eibench_tasks.scenes.canvas import Color

INK = (52, 46, 58)
"""Lines, eyes, the darkest shade."""
WHITE, CREAM, PAPER = (255, 255, 255), (250, 240, 215), (246, 243, 234)
GREY, SILVER, SLATE, CHARCOAL = (150, 152, 158), (204, 208, 214), (104, 112, 126), (74, 76, 86)
RED, DARK_RED, ROSE, PINK = (214, 58, 54), (150, 34, 42), (232, 120, 130), (246, 178, 190)
ORANGE, AMBER, YELLOW, GOLD = (240, 136, 46), (246, 176, 62), (252, 216, 84), (226, 174, 44)
GREEN, DARK_GREEN, LIME, OLIVE = (86, 164, 84), (46, 108, 66), (160, 202, 92), (132, 136, 66)
BLUE, NAVY, SKY, TEAL = (66, 122, 200), (40, 62, 120), (166, 212, 240), (60, 158, 160)
PURPLE, LILAC = (124, 78, 160), (190, 164, 216)
BROWN, DARK_BROWN, TAN, WOOD = (140, 94, 58), (92, 60, 42), (206, 166, 116), (176, 124, 74)
FLAME = (250, 160, 40)


def darker(color: Color, percent: int = 20) -> Color:
    """A shade of a colour."""
    red, green, blue = (value * (100 - percent) // 100 for value in color)
    return red, green, blue


def lighter(color: Color, percent: int = 30) -> Color:
    """A tint of a colour."""
    red, green, blue = (value + (255 - value) * percent // 100 for value in color)
    return red, green, blue
