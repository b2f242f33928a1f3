"""Tunables of the search for a topology.

The figures in the comments are of two sets of real faces (dlib encodings of deep-funneled LFW), 863 of 29 people
and 1,539 of 78 people, on one thread.
"""

# The space -----------------------------------------------------------------------------------

#: Units that a hidden layer of a candidate may have. The upper end is the default's: what is looked for is
#: smaller, and every candidate costs the arithmetic of the widest.
SEARCH_MIN_UNITS, SEARCH_MAX_UNITS = 2, 64
#: Shares of a layer's outputs that training may drop.
SEARCH_DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
#: Hidden layers that a candidate may have, unless the request says another number.
SEARCH_LAYERS = 3

# The genetic algorithm -----------------------------------------------------------------------

#: Generations, and candidates in each, unless the request says other numbers.
SEARCH_GENERATIONS, SEARCH_POPULATION = 20, 32
#: The most that a request may ask for: an hour on one core with faces of a hundred people.
SEARCH_MAX_GENERATIONS, SEARCH_MAX_POPULATION = 200, 256
#: The least candidates of a generation: the two that are always judged, and two more.
SEARCH_MIN_POPULATION = 4
#: Seconds after which no further generation is begun, unless the request says another number, and the most it may say.
SEARCH_TIME_BUDGET_S, SEARCH_MAX_TIME_BUDGET_S = 300.0, 24 * 3600.0
#: Share of children that have two parents; Deb et al. (2002) use 0.9.
CROSSOVER_SHARE = 0.9
#: Share of mutations that insert or remove a part; the others change values of one.
STRUCTURAL_SHARE = 0.3
#: Standard deviation of the logarithm of a mutated width: two in three stay within a factor of 1.6.
MUTATION_STEP = 0.5
#: Attempts at a child that was not judged before, after which one is drawn at random.
NOVELTY_ATTEMPTS = 10

# Training of whole populations ---------------------------------------------------------------

#: Candidates that one compiled call trains, each with a network for every fold. A call costs the same for fewer,
#: and more are no faster on a CPU.
BATCH_CANDIDATES = 2
#: Epochs between two looks at the held-out loss, which cost a sixth of an epoch each.
JUDGE_EVERY = 5
#: Epochs at which the worse candidates of a depth stop.
RUNGS = (10, 30)
#: One in so many candidates trains on after a rung (Jamieson and Talwalkar 2016 use 2 to 4).
HALVING = 3
#: Most faces times people that a search looks at, 4 MiB for each network's answers; of a larger set it takes a part
#: of the people. 100 people with 100 faces each are within it.
SEARCH_MAX_ANSWERS = 2**20
#: Faces and people are padded to multiples of these, so that sets of like size share compiled programs.
FACES_PADDING, PEOPLE_PADDING = 128, 16

# Judging -------------------------------------------------------------------------------------

#: What a nat of held-out cross-entropy adds to the held-out error. On small sets many candidates name every face
#: rightly; of those the surer ones are better.
CROSS_ENTROPY_WEIGHT = 0.01
#: Standard errors by which an error may exceed the lesser of those of the default and the linear head, for fewer
#: parameters to count.
BEARABLE_STANDARD_ERRORS = 1.0
