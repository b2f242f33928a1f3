"""Tunables of the report that comes with every version."""

#: Version of the report's JSON; raised when a key goes or changes its meaning.
REPORT_FORMAT = 1
#: Standard deviations of a normal on either side of its mean that hold 95 % of it.
INTERVAL_Z = 1.959964
#: People up to whom a confusion matrix is drawn: with more, a cell has fewer than six pixels on a phone.
MAX_MATRIX_PEOPLE = 50
#: Points of the open-set curve that are kept; neighbouring ones differ by less than a line is wide.
MAX_CURVE_POINTS = 200
#: Rows of a table on the page. The JSON has all; a page of more is slow on a phone, and nobody reads it.
MAX_ROWS = 300
#: Pairs of people that are listed as most confused.
MAX_CONFUSED_PAIRS = 20
