"""Many clients at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.fault_clients import Asking, Client, Connection, watch
from bench.fault_history import History
from bench.portrait_pictures import Portraits

#: Clients that recognize beside those that build.
_WATCHERS = 2


@contextmanager
def crowd(
    connect: Callable[[], Connection], history: History, portraits: Portraits, seed: int, count: int
) -> Iterator[None]:
    """Clients that ask this and that, one recognizer being ready already; they end once what they began has ended.

    ``count`` of them build and wait; each has a connection of its own.
    """
    building, watching = threading.Event(), threading.Event()

    def asking(name: str) -> Asking:
        return Asking(connect(), history, name)

    def client(name: str) -> Client:
        return Client(asking(name), portraits, f"{seed} {name}", building)

    def watcher(name: str) -> threading.Thread:
        arguments = asking(name), portraits, f"{seed} {name}", watching
        return threading.Thread(target=watch, args=arguments, name=name, daemon=True)

    names = [f"builder{number}" for number in range(count)]
    client("first").build_first()
    builders = [threading.Thread(target=client(name).run, name=name, daemon=True) for name in names]
    builders.append(threading.Thread(target=client("hasty").run_hastily, name="hasty", daemon=True))
    watchers = [watcher(f"watcher{number}") for number in range(_WATCHERS)]
    for thread in (*builders, *watchers):
        thread.start()
    try:
        yield
    except BaseException:
        building.set()
        watching.set()
        raise
    for stopping, threads in ((building, builders), (watching, watchers)):
        stopping.set()
        for thread in threads:
            thread.join()
