"""In which order requests have their turns at the embedding model. Usage: turns.py FOLDER-OF-THE-SERVER"""

import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from embedding_server import SHORT_IN_A_ROW, SLICE_CHARACTERS, SLICE_TEXTS, Turns, slices


def order(kinds):
    """The numbers of requests that come one after the other while the model is at work, as they have their turns."""
    turns, served, threads = Turns(), [], []

    def take(number, is_short):
        with turns.turn(is_short):
            served.append(number)

    with turns.turn(False):
        for number, kind in enumerate(kinds):
            threads.append(threading.Thread(target=take, args=(number, kind == "short")))
            threads[-1].start()
            while sum(map(len, turns.waiting.values())) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    return served


def check(found, expected):
    assert found == expected, f"{found} instead of {expected}"


check(order(["long", "long", "short", "long", "short"]), [2, 4, 0, 1, 3])
many = order(["long", *["short"] * (SHORT_IN_A_ROW + 2), "long"])
check(many, [*range(1, SHORT_IN_A_ROW + 1), 0, SHORT_IN_A_ROW + 1, SHORT_IN_A_ROW + 2, SHORT_IN_A_ROW + 3])
check([len(piece) for piece in slices(["x"] * (2 * SLICE_TEXTS + 1))], [SLICE_TEXTS, SLICE_TEXTS, 1])
check([len(piece) for piece in slices(["x" * (SLICE_CHARACTERS // 2)] * 3)], [2, 1])
check([len(piece) for piece in slices(["x" * (SLICE_CHARACTERS + 1), "x"])], [1, 1])
print("turns: all as they must be")
