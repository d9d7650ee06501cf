"""Stage 4, candidates: one module for each method of making a model smaller, and what they share."""
