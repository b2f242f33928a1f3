"""The compiled programs of a search, and where they live."""

from typing import Any

import numpy as np
import tensorflow as tf

from modelization.search.population_program import Genes, Networks, Task, Until, train_networks


class PopulationSession:
    """Programs for networks of each depth, compiled by XLA when they are first run, and given back by ``close``.

    A session of TensorFlow 1, because it owns what is compiled in it: outside of one, TensorFlow keeps every program
    until the process ends, 14 MB each.
    """

    def __init__(self) -> None:
        self._graph = tf.Graph()
        # Workers are one compute thread each; a session does not ask what the process has set.
        threads = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        self._session = tf.compat.v1.Session(graph=self._graph, config=threads)
        self._programs: dict[int, tuple[Any, Networks]] = {}
        #: How often a program was traced; each is compiled once.
        self.traces = 0

    def train(self, networks: Networks, genes: Genes, task: Task, until: Until) -> Networks:
        """Networks after further epochs, as arrays of numpy. All calls of a depth have arrays of the same shapes."""
        arguments = networks, genes, task, until
        depth = len(genes.masks)
        if depth not in self._programs:
            self._programs[depth] = self._trace(arguments)
        places, trained = self._programs[depth]
        feed = dict(zip(tf.nest.flatten(places), tf.nest.flatten(arguments), strict=True))
        result: Networks = self._session.run(trained, feed)
        return result

    def close(self) -> None:
        """Give back the programs' memory."""
        self._session.close()

    def _trace(self, arguments: tuple[Any, ...]) -> tuple[Any, Networks]:
        def program(*places: Any) -> Networks:
            self.traces += 1
            return train_networks(*places)

        with self._graph.as_default():
            places = tf.nest.map_structure(
                lambda array: tf.compat.v1.placeholder(np.asarray(array).dtype, np.shape(array)), arguments
            )
            return places, tf.function(program, jit_compile=True, autograph=False)(*places)
