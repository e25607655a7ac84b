"""What choix makes of winner,loser rows: python scores.py ROWS ITEMS. Prints an item's essay and its score a line."""

import csv
import sys

import choix
import numpy

with open(sys.argv[1], newline="", encoding="utf-8") as rows:
    pairs = [(int(row["winner"]), int(row["loser"])) for row in csv.DictReader(rows)]
with open(sys.argv[2], newline="", encoding="utf-8") as items:
    essays = [row["essay"] for row in csv.DictReader(items)]

scores = choix.opt_pairwise(len(essays), pairs, alpha=0.0, method="Newton-CG", tol=1e-12)
scores -= numpy.mean(scores)
for essay, score in zip(essays, scores):
    print(f"{essay}\t{score:.12g}")
