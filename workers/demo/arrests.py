"""The demo's data as CSV on standard output: `python -m workers.demo.arrests`.

Police arrests for possession of a small quantity of marijuana in Toronto, 1997 to 2002 (5,226 rows), as packaged by
scikit-lego from the R package carData (data of the Toronto Star).
"""

import sys

from sklego.datasets import load_arrests

COLUMNS = ("released", "colour", "year", "age", "sex", "employed", "citizen", "checks")


def main() -> None:
    """Write the rows in the order of the package."""
    frame = load_arrests(as_frame=True)
    frame[list(COLUMNS)].to_csv(sys.stdout, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
