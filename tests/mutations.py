"""Documents changed at random: a value replaced, removed, doubled, moved or renamed."""

import copy
import random
from typing import Any

VALUES = [None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 10**400, "", "x", "0.5", [], {}, [1], {"a": 1}]


def mutate(node: Any, dice: random.Random) -> None:
    """Change, remove, double or move one item somewhere below `node`."""
    positions = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not positions:
        return
    position = dice.choice(positions)
    if isinstance(node[position], dict | list) and node[position] and dice.random() < 0.75:
        mutate(node[position], dice)
        return
    deed = dice.randrange(5)
    if deed == 0:
        del node[position]
    elif deed == 1:
        node[position] = copy.deepcopy(dice.choice(VALUES))
    elif deed == 2 and type(node[position]) in (int, float) and abs(node[position]) < 1e300:
        node[position] = dice.choice([-1, 10, 1e-300, 1e6, 1.0000001]) * node[position]
    elif deed == 3:
        other = dice.choice(positions)
        node[position], node[other] = node[other], node[position]
    elif isinstance(node, list):
        node.insert(position, copy.deepcopy(node[position]))
    else:
        node[f"{position} "] = node.pop(position)
