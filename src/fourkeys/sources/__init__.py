"""One outside system each; they never import each other."""
