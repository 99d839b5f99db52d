"""One script a claim; each prints the ratio it is named for."""
