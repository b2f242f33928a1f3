"""Tunables of the head: its training, its calibration and the file it is kept in.

The constants of the population are statistics of dlib encodings (cascade of detectors, 5 landmarks,
mean of a chip and its mirror image) of 3,107 pictures of 1,441 people of deep-funneled LFW, half of
the people that were at hand; the other half judged them. An angle is the one between two unit
encodings, in radians. Angles between different people are nearly normal far into their tail (the
thousandth is at -3.0 standard deviations instead of -3.1), which cosines and distances are not.
"""

# Training ------------------------------------------------------------------------------------

#: Units of the one hidden layer of the default topology: enough for hundreds of people, and a
#: tenth of the time of an epoch is arithmetic.
DEFAULT_UNITS = 64
#: What a unit encoding is multiplied by: the square root of its 128 numbers makes them of size one.
INPUT_SCALE = 11.3137085
#: Adam's step. A full-batch epoch is one step, so it is ten times Keras' default.
LEARNING_RATE = 0.01
#: Epochs after which a fit ends in any case; early stopping ends it long before.
MAX_EPOCHS = 200
#: Epochs without a better held-out loss, after which a fit ends.
PATIENCE = 10
#: Nats by which a held-out loss must fall to count as better: what is left of a loss on separable
#: faces shrinks for ever without changing a name.
MIN_IMPROVEMENT = 0.005
#: Epochs of a head whose people have one face each, so that no fold can suggest a number.
EPOCHS_WITHOUT_FOLDS = 60
#: Folds where faces suffice: each head then learns from three quarters of the faces.
MAX_FOLDS = 4
#: Hidden layers that a topology may have; deeper heads never paid on encodings.
MAX_LAYERS = 8
#: Units that a hidden layer may have; four times the encoding's size.
MAX_UNITS = 512

# The population of faces ---------------------------------------------------------------------

#: Mean cosine between two pictures of one person.
SAME_PERSON_COSINE = 0.956
#: Radians; mean angle between a picture of a person and another of the same person: acos(0.956).
SAME_PERSON_ANGLE = 0.298
#: Radians; mean angle between pictures of two people: acos(0.840).
DIFFERENT_PEOPLE_ANGLE = 0.574
#: Radians; spread of a picture's angle to its own person, were that person known perfectly.
SAME_PERSON_SPREAD = 0.023
#: Radians; spread of a picture's angle to another person, were that person known perfectly.
DIFFERENT_PEOPLE_SPREAD = 0.058
#: Radians; spread that one enrolled picture adds to angles to its own person and to others; n of them add
#: a variance of its square over n.
SAME_PERSON_PICTURE_SPREAD, DIFFERENT_PEOPLE_PICTURE_SPREAD = 0.046, 0.028
#: A stranger who resembles one person resembles others too: of N people, the nearest to a
#: stranger is as near as the nearest of N to this power would be, were they independent. It also takes
#: up that the tail of angles is a little lighter than a normal one's.
CHANCES_EXPONENT = 0.88

# The population prior ------------------------------------------------------------------------

#: Share of the identity in the covariance within people: 0.02 to 0.1 do alike on held-out people, and 0, where
#: directions without any variance count, costs 1.5 points of DIR at an FPIR of 0.1 %.
WITHIN_SHRINKAGE = 0.05
#: Euclidean distance; a face this much nearer to one person than to the next could not be more alone.
MAX_LEAD = 0.5
#: The smallest posterior that a logarithm is taken of.
LEAST_POSTERIOR = 1e-7
#: Galleries that the rules are learned on, and how many of them train a head, for the softmax rule alone.
PRIOR_GALLERIES, PRIOR_HEADS = 240, 32
#: People of such a gallery, and the most pictures of one: from a family to a company.
PRIOR_MIN_PEOPLE, PRIOR_MAX_PEOPLE, PRIOR_MAX_FACES = 2, 500, 20
#: Faces of known people, and strangers, that judge such a gallery at most.
PRIOR_PROBES = 1000

# Calibration ---------------------------------------------------------------------------------

#: Share of the asked FPIR that a threshold aims at, so that galleries which name more strangers than others of
#: their size keep the promise too. It costs 0.2 points of DIR.
FPIR_AIM = 0.7
#: Below this asked FPIR galleries differ more and more, and the aim falls by the ratio to this power: at 0.001 it
#: is 0.28 of what is asked, for about a point of DIR.
CAUTION_BELOW, CAUTION_EXPONENT = 0.01, 0.4
#: Logit above which a confidence, kept as float32, can no longer be told from 1.
MAX_THRESHOLD_LOGIT = 14.0
#: A plain rule takes the learned one's place only where chance would favour it so much less often than this.
BETTER_SIGNIFICANCE = 0.05
#: Faces whose evidence is weighed at once: with a thousand people, 20 MB.
EVIDENCE_FACES = 256
#: People of a recognizer that weigh as much as the population does in its threshold. What the faces of 5 to
#: 100 people say of strangers explained next to nothing of how recognizers differ there; people unlike the
#: population's would have more to say, so it is not more.
POPULATION_PEOPLE = 200
#: Share of strangers named, unless the request says another.
DEFAULT_TARGET_FPIR = 0.01
#: The smallest and largest share that may be asked for: below, no tail fitted to faces is to be
#: believed; above, the answer is no longer a name.
MIN_TARGET_FPIR, MAX_TARGET_FPIR = 0.0001, 0.5

# The bundle ----------------------------------------------------------------------------------

#: Version of the bundle's format; raised when an older reader would misread a newer file.
BUNDLE_FORMAT = 1
#: Random faces that parity is proved on, besides those the head was trained on.
PARITY_FACES = 64
#: Bytes; more than a head of ten thousand people needs, less than a worker's memory.
MAX_MEMBER_BYTES = 256 * 2**20
#: Bytes; the manifest of ten thousand people is about one MiB.
MAX_MANIFEST_BYTES = 16 * 2**20
#: Files in a bundle; there are five, and room for more forms of the same recognizer.
MAX_MEMBERS = 32
#: Candidates named for a face.
MAX_CANDIDATES = 5
